/** `smtp_forward.ini`: its shape, which section holds for a message, and the next hops a section names. */
import { type Address, type Destination, fileShape, parseDestination, type Settings } from "kasi";

const HOP = {
  host: { type: "optional-text", about: "The next hop: a name or an address." },
  port: { type: "integer", default: 25, min: 1, max: 65535, about: "Its port." },
  forwarding_host_pool: {
    type: "words",
    default: [],
    about: "Several next hops, `host:port`, in place of host and port; messages begin with one after the other.",
  },
  enable_tls: { type: "boolean", default: false, about: "STARTTLS where the next hop offers it." },
  auth_type: { type: "optional-text", about: "plain or login; unset: the best that is offered." },
  auth_user: { type: "optional-text", about: "Authenticate as this user." },
  auth_pass: { type: "optional-text", about: "That user's password." },
  bind: { type: "optional-text", about: "Source address." },
  bind_helo: { type: "optional-text", about: "The name we give in EHLO; unset: the server's." },
  using_lmtp: { type: "boolean", default: false, about: "The next hop speaks LMTP." },
  enable_outbound: { type: "boolean", default: false, about: "Forward the mail of relaying clients too." },
  one_message_per_rcpt: { type: "boolean", default: false, about: "A message of its own for each recipient." },
  check_sender: {
    type: "boolean",
    default: false,
    about: "Senders of a domain with a section are local: only relaying clients may use them.",
  },
  check_recipient: {
    type: "boolean",
    default: false,
    about: "Take recipients of domains with a section; all recipients of a message must share a next hop.",
  },
  queue: { type: "optional-text", about: "The queue plugin that check_recipient chooses; unset: smtp_forward." },
} as const;

export const SMTP_FORWARD_INI = fileShape({
  file: "smtp_forward.ini",
  about:
    "Where messages are handed on to, while the client waits. A section [example.com] overrides [main] for that domain.",
  shape: {
    main: {
      ...HOP,
      domain_selector: {
        type: "choice",
        of: ["rcpt_to", "mail_from"],
        default: "rcpt_to",
        about:
          "Whose domain chooses the section: the first recipient's, or the sender's (its whole address may have a section too).",
      },
      connect_timeout: { type: "integer", default: 30, about: "Read for older files; delivery has limits of its own." },
      idle_timeout: { type: "integer", default: 300, about: "Read for older files." },
      dead_forwarding_host_retry_secs: { type: "integer", default: 10, about: "Read for older files." },
      timeout: { type: "integer", default: 300, about: "Read for older files." },
      max_connections: { type: "integer", default: 1000, about: "Read for older files." },
    },
    "*": HOP,
  },
});
export type ForwardSettings = Settings<typeof SMTP_FORWARD_INI.shape>;
export type Hop = Omit<
  ForwardSettings["main"],
  | "domain_selector"
  | "connect_timeout"
  | "idle_timeout"
  | "dead_forwarding_host_retry_secs"
  | "timeout"
  | "max_connections"
>;

/** The section of a domain with [main] beneath it; undefined when it has none. */
export function sectionOf(settings: ForwardSettings, name: string): Hop | undefined {
  const sections = settings["*"];
  if (name === "" || !Object.hasOwn(sections, name)) return undefined;
  const own = Object.entries(sections[name]!).filter(([, value]) => value !== undefined);
  const merged = { ...settings.main, ...Object.fromEntries(own) };
  // A host of its own puts the common pool out of force.
  if (sections[name]!.host !== undefined && sections[name]!.forwarding_host_pool === undefined) {
    return { ...merged, forwarding_host_pool: [] };
  }
  return merged;
}

/** The section that holds for a message of `sender` to `domain`; undefined when none does, and [main] is to. */
export function sectionFor(settings: ForwardSettings, sender: Address, domain: string): Hop | undefined {
  const names = settings.main.domain_selector === "mail_from" ? [sender.address.toLowerCase(), sender.host] : [domain];
  for (const name of names) {
    const section = sectionOf(settings, name);
    if (section !== undefined) return section;
  }
  return undefined;
}

/** In the order they are to be tried; [] when the section names none. `turn` says with whom of a pool to begin. */
export function destinationsOf(hop: Hop, turn = 0): Destination[] {
  const named = hop.forwarding_host_pool.length > 0
    ? hop.forwarding_host_pool.map((text) => parseDestination(text))
    : hop.host === undefined
    ? []
    : [parseDestination({ host: hop.host, port: hop.port })];
  return named.map((_, i) => ({
    ...named[(i + turn) % named.length]!,
    priority: i,
    protocol: hop.using_lmtp ? "lmtp" as const : "smtp" as const,
    tls: hop.enable_tls ? "opportunistic" as const : "none" as const,
    ...(hop.auth_user !== undefined && {
      auth: {
        user: hop.auth_user,
        pass: hop.auth_pass ?? "",
        ...(hop.auth_type !== undefined && { type: hop.auth_type }),
      },
    }),
    ...(hop.bind !== undefined && { bind: hop.bind }),
    ...(hop.bind_helo !== undefined && { bindHelo: hop.bind_helo }),
  }));
}

/** As the note `queue.next_hop` has it; without credentials, for it is kept on disk. */
export function nextHop(hop: Hop): string | undefined {
  const [first] = destinationsOf(hop);
  if (first === undefined) return undefined;
  const host = first.host.includes(":") ? `[${first.host}]` : first.host;
  return `${first.protocol}://${host}${first.port === 25 ? "" : `:${first.port}`}`;
}
