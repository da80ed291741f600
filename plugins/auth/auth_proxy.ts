/** Has the mail servers of a user's domain check the password: who may log in there may send here. */
import { fileShape, type Plugin } from "kasi";
import { type Answer, judged, offerClear } from "./ask_server.ts";
import { smtpLogin } from "./smtp_login.ts";

const AUTH_PROXY_INI = fileShape({
  file: "auth_proxy.ini",
  about: "Which servers know the passwords of which domain's users.",
  shape: {
    main: {
      timeout: { type: "number", default: 30, min: 1, about: "Seconds that one server may take." },
    },
    domains: { open: true, about: "example.com = host[:port], host2[:port] …; port 25 when left out" },
  },
});

export default {
  name: "auth/auth_proxy",
  about: "Checks users against other mail servers, by domain (auth_proxy.ini).",
  files: [AUTH_PROXY_INI],
  async setup(host) {
    const { config, machine, server, signal } = host;
    const settings = await config.ini(AUTH_PROXY_INI);

    async function ask(user: string, password: string): Promise<Answer> {
      const { main, domains } = settings.value;
      const domain = user.slice(user.lastIndexOf("@") + 1).toLowerCase();
      const servers = user.includes("@") && Object.hasOwn(domains, domain) ? String(domains[domain]) : "";
      let last: Answer = { kind: "unknown" };
      for (const [hostname, port] of serversOf(servers)) {
        const login = {
          user,
          password,
          helo: server.name,
          localPartToo: true,
          timeoutMs: main.timeout * 1000,
          signal,
        };
        last = await smtpLogin(machine, { hostname, port }, login).catch((cause): Answer => ({
          kind: "trouble",
          detail: `${hostname}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`,
        }));
        if (last.kind !== "trouble") return last;
      }
      return last;
    }

    return {
      capabilities({ session, capabilities }) {
        offerClear(session, capabilities.auth);
      },
      auth({ session, attempt }) {
        const { user, password } = attempt;
        return password === undefined ? undefined : judged(host, session, attempt, ask(user, password));
      },
    };
  },
} satisfies Plugin;

/** `mx.example.com:587, 192.0.2.1; [2001:db8::1]:25` */
function serversOf(text: string): [string, number][] {
  return text.split(/[\s,;]+/).filter((word) => word !== "").map((word) => {
    const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(word);
    return match === null ? [word, 25] : [match[1] ?? match[2]!, Number(match[3] ?? 25)];
  });
}
