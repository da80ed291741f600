/** limit.ini: which limits there are. */
import { fileShape, type Settings } from "kasi";
import { REDIS_SECTION } from "./redis_ini.ts";

const ENABLED = { type: "boolean", default: false, about: "Keep this limit." } as const;
const KARMA = {
  type: "text",
  default: "karma",
  about: "The plugin whose result `history` says how a client did before: more than 0 is good, less is bad.",
} as const;
const RATE = "`limit` or `limit/time`, such as 50/5m: the time in s, m, h or d, 60 s when left out; 0: no limit";
const HOST_KEYS =
  `KEY=${RATE}. KEY: an address or its beginning (192.0.2, 2001:db8:0), the client's reverse name or a domain above it, or \`default\`. All who go by one key share its count; by \`default\` each address has its own.`;
const MAIL_KEYS =
  `KEY=${RATE}. KEY: an address, its domain or one above it, or \`default\`. All who go by one key share its count; by \`default\` each address has its own.`;

export const LIMIT_INI = fileShape({
  file: "limit.ini",
  about: "How much clients may do, and how much goes out to a domain.",
  shape: {
    main: {
      tarpit_delay: { type: "number", default: 3, min: 0, about: "Seconds that a client waits for each refusal." },
      on_error: {
        type: "choice",
        of: ["skip", "defer"],
        default: "skip",
        about:
          "When Redis cannot count. skip: that limit does not hold for now. defer: the client is put off. Mail that goes out is not held up.",
      },
    },
    redis: REDIS_SECTION,
    concurrency: {
      enabled: ENABLED,
      max: { type: "integer", default: 3, min: 0, about: "Connections of one address at a time; 0: no limit." },
    },
    concurrency_history: {
      enabled: { ...ENABLED, about: "Go by the client's history, in place of max." },
      plugin: KARMA,
      good: { type: "integer", default: 10, min: 0, about: "Connections of an address with good history." },
      bad: { type: "integer", default: 1, min: 0, about: "With bad history." },
      none: { type: "integer", default: 2, min: 0, about: "With neither." },
    },
    recipients: {
      enabled: ENABLED,
      max: {
        type: "integer",
        default: 0,
        min: 0,
        about: "Recipients, refused ones too, of one connection; 0: no limit.",
      },
      max_relaying: {
        type: "integer",
        default: 0,
        min: 0,
        about: "The same for clients that may relay; 0: as for all others.",
      },
    },
    recipients_history: {
      enabled: { ...ENABLED, about: "Go by the client's history, in place of max." },
      plugin: KARMA,
      good: { type: "integer", default: 50, min: 0, about: "Recipients of a client with good history." },
      bad: { type: "integer", default: 1, min: 0, about: "With bad history." },
      none: { type: "integer", default: 5, min: 0, about: "With neither." },
    },
    unrecognized_commands: {
      enabled: ENABLED,
      max: { type: "integer", default: 10, min: 0, about: "Unknown commands of one connection; 0: no limit." },
    },
    errors: {
      enabled: ENABLED,
      max: { type: "integer", default: 10, min: 0, about: "Protocol errors of one connection; 0: no limit." },
    },
    rate_conn: { open: true, about: `\`enabled\`, and connections in a time: ${HOST_KEYS}` },
    rate_conn_history: {
      enabled: { ...ENABLED, about: "Go by the client's history, in place of `default`." },
      plugin: KARMA,
      good: { type: "text", default: "15/1m", about: "Connections of an address with good history." },
      bad: { type: "text", default: "1/15m", about: "With bad history." },
      none: { type: "text", default: "1/5m", about: "With neither." },
    },
    rate_rcpt_host: {
      open: true,
      about: `\`enabled\`, and recipients of a client in a time; who had more is not let in again: ${HOST_KEYS}`,
    },
    rate_rcpt_sender: { open: true, about: `\`enabled\`, and recipients of a sender in a time: ${MAIL_KEYS}` },
    rate_rcpt: { open: true, about: `\`enabled\`, and how often a recipient is named in a time: ${MAIL_KEYS}` },
    rate_rcpt_null: {
      open: true,
      about: `\`enabled\`, and how often a recipient is sent reports (mail without a sender) in a time: ${MAIL_KEYS}`,
    },
    outbound: {
      open: true,
      about:
        "`enabled`, and deliveries to a domain at a time: `domain=number`. Further ones wait for `delay` seconds, 30 when left out.",
    },
    rate_outbound: {
      open: true,
      about:
        `\`enabled\`, and deliveries to a domain in a time: KEY=${RATE}. KEY: a domain or one above it, or \`default\`. Further ones wait for that time.`,
    },
  },
});
export type LimitSettings = Settings<typeof LIMIT_INI.shape>;
