/**
 * Sends every line of the log to syslog: to this machine's log daemon, or to another one by UDP or TCP.
 *
 * A daemon that is away costs lines, never mail: up to a thousand wait for it, and while it is away the server's own output has them too.
 */
import {
  ConfigError,
  fileShape,
  isIpLiteral,
  type LogItem,
  type Machine,
  ok,
  type Plugin,
  type Resolver,
  type Settings,
  utf8Encode,
} from "kasi";
import { facilityOf, messageOf, priorityOf, type Sender, textOf } from "./syslog_format.ts";
import { Outbox, type Sink } from "./syslog_outbox.ts";

const OLD = { type: "boolean", default: false, about: "Read for older files." } as const;
const SYSLOG_INI = fileShape({
  file: "syslog.ini",
  about: "Where lines of the log go as syslog messages.",
  shape: {
    general: {
      name: { type: "text", default: "haraka", about: "What we are called there." },
      facility: { type: "text", default: "MAIL", about: "MAIL, DAEMON, LOCAL0 and so on." },
      pid: { type: "boolean", default: true, about: "With the process id." },
      always_ok: {
        type: "boolean",
        default: false,
        about: "Lines that syslog has are kept from the server's own output and from later plugins.",
      },
      ndelay: { type: "boolean", default: false, about: "Connect at the start, not with the first line." },
      odelay: { ...OLD, default: true },
      cons: OLD,
      nowait: OLD,
      transport: {
        type: "choice",
        of: ["local", "udp", "tcp"],
        default: "local",
        about: "To this machine's log daemon, or by UDP or TCP to another.",
      },
      path: { type: "text", default: "/dev/log", about: "The socket of this machine's log daemon." },
      host: { type: "text", default: "127.0.0.1", about: "The daemon's name or address, for udp and tcp." },
      port: { type: "integer", default: 514, min: 1, max: 65535, about: "Its port." },
      format: {
        type: "choice",
        of: ["rfc5424", "rfc3164"],
        default: "rfc5424",
        about:
          "Of messages by udp and tcp. By tcp the newer form is counted (RFC 6587), the older one ends with a line feed.",
      },
    },
  },
});
type General = Settings<typeof SYSLOG_INI.shape>["general"];

/** What receivers of datagrams are sure to take is less; what they take in practice is this. */
const MOST_OCTETS = 8192;
const CONNECT_MS = 10_000;
const END_MS = 1000;

/** Of this thread; `stop` has nothing else to know them by. */
const outboxes = new Set<Outbox>();

export default {
  name: "syslog",
  about: "Sends every line of the log to syslog.",
  files: [SYSLOG_INI],
  async setup({ config, log, machine, server }) {
    const { general } = (await config.ini(SYSLOG_INI, { watch: false })).value;
    const facility = facilityOf(general.facility);
    if (facility === undefined) {
      throw new ConfigError({
        file: SYSLOG_INI.file,
        setting: "[general] facility",
        current: general.facility,
        wanted: "MAIL, DAEMON, USER, LOCAL0 to LOCAL7 or another facility of syslog",
      });
    }
    const sender: Sender = { host: server.name, name: general.name, pid: general.pid ? machine.host.pid : undefined };
    const box = new Outbox({
      clock: machine.clock,
      open: (signal) => SINKS[general.transport]({ general, facility, sender, machine, signal }),
      onTrouble: (reason) => log.error(`No syslog: ${reason instanceof Error ? reason.message : String(reason)}`),
      onBack: (dropped) => log.notice(`syslog is back${dropped === 0 ? "" : `; ${dropped} lines were lost`}`),
    });
    outboxes.add(box);
    return {
      init_master() {
        if (general.ndelay) box.start();
        return undefined;
      },
      log({ item }) {
        box.push(item);
        return general.always_ok && box.works ? ok() : undefined;
      },
    };
  },
  async stop() {
    const all = [...outboxes];
    outboxes.clear();
    await Promise.all(all.map((box) => box.end(END_MS)));
  },
} satisfies Plugin;

interface Way {
  readonly general: General;
  readonly facility: number;
  readonly sender: Sender;
  readonly machine: Machine;
  readonly signal: AbortSignal;
}

const SINKS: { readonly [T in General["transport"]]: (way: Way) => Promise<Sink> } = {
  async local({ general: { name: ident, path }, facility, sender: { pid }, machine }) {
    const { clock } = machine;
    const log = await machine.openLocalLog({ path, ident, clock, ...(pid !== undefined && { pid }) });
    return {
      send: (item) => log.write(priorityOf(facility, item.level), textOf(item)),
      close: () => log.close(),
    };
  },

  async udp(way) {
    const { general, machine, signal } = way;
    const address = await addressOf(machine.resolver, general.host, signal);
    const socket = await machine.openUdp({ address, port: general.port });
    return {
      send: (item) => socket.send(utf8Encode(lineOf(way, item)).slice(0, MOST_OCTETS)),
      close: () => socket.close(),
    };
  },

  async tcp(way) {
    const { general, machine, signal } = way;
    const hostname = await addressOf(machine.resolver, general.host, signal);
    const conn = await machine.dial({ to: { hostname, port: general.port }, timeoutMs: CONNECT_MS, signal });
    const writer = conn.writable.getWriter();
    let ended: Error | undefined;
    // Daemons say nothing; that one has gone is only seen by reading.
    const heard = conn.readable.pipeTo(new WritableStream()).then(() => GONE, (reason) => reason as Error);
    void heard.then((reason) => ended = reason);
    return {
      async send(item) {
        if (ended !== undefined) throw ended;
        const line = lineOf(way, item);
        // RFC 6587 §3.4.1 and §3.4.2
        const counted = general.format === "rfc5424";
        await writer.write(utf8Encode(counted ? `${utf8Encode(line).length} ${line}` : `${line}\n`));
      },
      close() {
        try {
          conn.close();
        } catch {
          // It was closed from the other side.
        }
      },
    };
  },
};
const GONE = new Error("the daemon closed the connection");

function lineOf({ general: { format }, facility, sender }: Way, item: LogItem): string {
  return messageOf(format, item, priorityOf(facility, item.level), sender);
}

/** By the server's resolver; what it does not know is left to the machine (its hosts file). */
async function addressOf(resolver: Resolver, host: string, signal: AbortSignal): Promise<string> {
  if (isIpLiteral(host) || host === "localhost") return host === "localhost" ? "127.0.0.1" : host;
  for (const type of ["A", "AAAA"] as const) {
    const answer = await resolver.resolve(host, type, { signal });
    if (answer.kind === "records" && answer.records.length > 0) return answer.records[0]!;
  }
  return host;
}
