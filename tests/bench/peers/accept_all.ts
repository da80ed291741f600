/** The bench's one plugin: accepts every recipient; discards, or relays to the sink. */
import { fileShape, ok, type Plugin } from "kasi";

const FILE = fileShape({
  file: "accept_all.ini",
  about: "The bench's plugin.",
  shape: {
    main: {
      task: {
        type: "choice",
        of: ["discard", "relay"],
        default: "discard",
        about: "Throw away, or relay to the sink.",
      },
      sink_port: { type: "integer", default: 25, about: "Port of the sink on 127.0.0.1." },
    },
  },
});

export default {
  name: "accept_all",
  files: [FILE],
  async setup({ config }) {
    const { task, sink_port } = (await config.ini(FILE)).value.main;
    if (task === "discard") return { rcpt: () => ok(), queue: () => ok() };
    const sink = { host: "127.0.0.1", port: sink_port, priority: 0, protocol: "smtp" } as const;
    const hopOf = (domain: string) => {
      const own = /^d(\d+)\./.exec(domain);
      return own === null ? sink : { ...sink, host: `127.0.1.${own[1]}` };
    };
    return {
      rcpt({ session }) {
        session.relaying = true;
        return ok();
      },
      get_mx: ({ item }) => ({ kind: "answer", value: hopOf(item.domain) }),
    };
  },
} satisfies Plugin;
