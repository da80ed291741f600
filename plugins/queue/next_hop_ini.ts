/** The keys by which smtp_forward.ini and smtp_proxy.ini name a next hop, and the destinations they come to. */
import { type Destination, parseDestination, type ValueOf } from "kasi";

export const NEXT_HOP = {
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
  connect_timeout: { type: "integer", default: 30, min: 1, about: "Seconds to wait for a connection." },
  idle_timeout: {
    type: "integer",
    default: 0,
    min: 0,
    about: "Seconds to wait for each of its replies; 0: as long as RFC 5321 §4.5.3.2 grants.",
  },
} as const;

/** Keys of which nothing comes any more. */
export const OLD_KEYS = {
  dead_forwarding_host_retry_secs: { type: "integer", default: 10, about: "Read for older files." },
  timeout: { type: "integer", default: 300, about: "Read for older files; `idle_timeout` is meant." },
  max_connections: {
    type: "integer",
    default: 1000,
    about: "Read for older files; how many connections a host gets, outbound.sites.ini says.",
  },
} as const;

/** Haraka's options of TLS for one plugin alone. */
export const OWN_TLS = {
  open: true,
  about:
    "Options of TLS for this server alone, as Haraka has them. They are not heeded: those of tls.ini hold for all deliveries.",
} as const;

/** What to warn of when a `[tls]` says something. */
export function unheededTls(file: string, tls: { readonly [key: string]: string | undefined }): string | undefined {
  const keys = Object.keys(tls);
  return keys.length === 0 ? undefined : `${file} [tls] is not heeded, tls.ini is: ${keys.join(", ")}`;
}

export interface NextHop extends NextHopSettings {
  readonly bind?: string | undefined;
  readonly bind_helo?: string | undefined;
  readonly using_lmtp?: boolean;
}
type NextHopSettings = { readonly [K in keyof typeof NEXT_HOP]: ValueOf<(typeof NEXT_HOP)[K]> };

/** In the order they are to be tried; [] when the section names none. `turn` says with whom of a pool to begin. */
export function destinationsOf(hop: NextHop, turn = 0): Destination[] {
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
    connectTimeoutMs: hop.connect_timeout * 1000,
    ...(hop.idle_timeout > 0 && { replyTimeoutMs: hop.idle_timeout * 1000 }),
    ...(hop.bind !== undefined && { bind: hop.bind }),
    ...(hop.bind_helo !== undefined && { bindHelo: hop.bind_helo }),
  }));
}
