/** A destination brought down to one address to dial. */
import type { Destination } from "../hooks/outbound.ts";
import type { DialOptions } from "../host/types.ts";

export interface Target {
  readonly destination: Destination;
  /** IP address; undefined for a Unix socket, and for a name that only the system's own look-up may know. */
  readonly address: string | undefined;
  /** Name for SNI, verification and the log: the MX name, or the host as the plugin gave it; may be an IP. */
  readonly name: string;
  /** Found through the DNS, so that it must not point back to this machine. */
  readonly fromDns: boolean;
  /** The name is sure: said by the operator or a plugin, or by signed DNS. */
  readonly authentic: boolean;
}

export function dialAddress({ destination, address }: Target): DialOptions["to"] {
  return destination.path === undefined
    ? { hostname: address ?? destination.host, port: destination.port }
    : { path: destination.path };
}
