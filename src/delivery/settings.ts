/**
 * What an operator may choose about delivery, as plain values.
 *
 * `server.ts` fills them from `outbound.ini` and `tls.ini`; {@linkcode DELIVERY_DEFAULTS} is what an empty configuration means.
 * The courier asks for them anew at each attempt, so that a reload takes effect with the next mail.
 */
import type { Destination } from "../hooks/outbound.ts";
import { NO_SITES, type SiteTable } from "../hooks/site.ts";
import type { Stage } from "./stages.ts";

/** A key and certificate of our own, shown when a peer asks for one. PEM texts. */
export interface ClientIdentity {
  readonly key: string;
  readonly cert: string;
}

export interface DeliverySettings {
  /** Our name in EHLO, HELO and LHLO. */
  readonly helo: string;
  /** outbound.ini `connect_timeout`, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** outbound.ini `enable_tls`: STARTTLS where it is offered. */
  readonly enableTls: boolean;
  /** outbound.ini `local_mx_ok`: an MX may point to this machine. */
  readonly localMxOk: boolean;
  /** outbound.ini `inet_prefer`. */
  readonly inetPrefer: "v4" | "v6" | "default";
  /** How each destination is treated; an item that comes from the queue names its site itself. */
  readonly sites: SiteTable;
  /** Where everything goes that no plugin routes otherwise; empty: as the MX records say. */
  readonly relayHosts: readonly Destination[];
  /** Port for hosts found in the DNS. */
  readonly mxPort: number;
  /** tls.ini `force_tls_hosts`: host names, recipient domains, addresses or CIDR blocks. */
  readonly forceTlsHosts: readonly string[];
  /** tls.ini `[outbound] no_tls_hosts`, of the same forms. */
  readonly noTlsHosts: readonly string[];
  /** tls.ini `disable_for_failed_hosts`: remember a host whose TLS is broken. We do so by default: mail would wait for ever. */
  readonly rememberBrokenTls: boolean;
  /** tls.ini `disable_expiry`, in milliseconds. */
  readonly brokenTlsMs: number;
  /** What a host is shown when it asks; undefined: nothing (tls.ini `mutual_tls`, `[mutual_auth_hosts]`). */
  readonly identityFor?: (address: string | undefined, ...names: readonly string[]) => ClientIdentity | undefined;
  /** tls.ini `[outbound] rejectUnauthorized`: as if every host were one that TLS must hold for. */
  readonly verifyAlways: boolean;
  /** PEM certificates trusted besides the system's, for required TLS. */
  readonly ca?: readonly string[];
  readonly minTls?: "TLSv1.2" | "TLSv1.3";
  /** tls.ini `[outbound] ciphers`, in OpenSSL's notation. */
  readonly ciphers?: string;
  /** Milliseconds a connection may wait for its next message; 0: every message opens its own. */
  readonly idleMs: number;
  /** Messages sent over one connection before it is closed. */
  readonly messagesPerConnection: number;
  /** Connections open at a time for one destination; more leases wait. */
  readonly connectionsPerDestination: number;
  /** Milliseconds by stage, where RFC 5321 §4.5.3.2 should not hold. */
  readonly timeouts?: { readonly [S in Stage]?: number };
}

export const DELIVERY_DEFAULTS: Omit<DeliverySettings, "helo"> = {
  connectTimeoutMs: 30_000,
  enableTls: true,
  localMxOk: false,
  inetPrefer: "default",
  sites: NO_SITES,
  relayHosts: [],
  mxPort: 25,
  forceTlsHosts: [],
  noTlsHosts: [],
  rememberBrokenTls: true,
  brokenTlsMs: 604_800_000,
  verifyAlways: false,
  idleMs: 5_000,
  messagesPerConnection: 1_000,
  connectionsPerDestination: 20,
};
