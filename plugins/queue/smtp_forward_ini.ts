/** `smtp_forward.ini`: its shape, which section holds for a message, and the note that names its next hop. */
import { type Address, fileShape, type Settings } from "kasi";
import { destinationsOf, NEXT_HOP, OLD_KEYS, OWN_TLS } from "./next_hop_ini.ts";

const HOP = {
  ...NEXT_HOP,
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
      ...OLD_KEYS,
    },
    tls: OWN_TLS,
    "*": HOP,
  },
});
export type ForwardSettings = Settings<typeof SMTP_FORWARD_INI.shape>;
export type Hop = Omit<ForwardSettings["main"], "domain_selector" | keyof typeof OLD_KEYS>;

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

/** As the note `queue.next_hop` has it; without credentials, for it is kept on disk. */
export function nextHop(hop: Hop): string | undefined {
  const [first] = destinationsOf(hop);
  if (first === undefined) return undefined;
  const host = first.host.includes(":") ? `[${first.host}]` : first.host;
  return `${first.protocol}://${host}${first.port === 25 ? "" : `:${first.port}`}`;
}
