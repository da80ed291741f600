/** Where the DNS names this machine as a mail exchanger: neither it nor any host behind it in the order is asked, else mail would go round in circles. */
import { ipInList } from "../base/ip.ts";
import type { Logger } from "../log/types.ts";
import type { Target } from "./target.ts";

/** A loopback address is a slip of whoever published it, and says nothing of where we stand in the order. */
const LOOPBACK = ["127.0.0.0/8", "::1", "0.0.0.0", "::"];

/** The targets that are left (RFC 5321 §5.1). What an operator or a plugin named is never passed over. */
export function notOurs(
  targets: readonly Target[],
  isLocal: (address: string) => boolean,
  log: Logger,
): readonly Target[] {
  const ours = targets.filter(({ fromDns, address }) => fromDns && address !== undefined && isLocal(address));
  if (ours.length === 0) return targets;
  let end = Infinity;
  for (const { name, address, destination } of ours) {
    log.info(`MX ${name} (${address}) is this machine: passed over`);
    if (!ipInList(LOOPBACK, address!)) end = Math.min(end, destination.priority);
  }
  return targets.filter((target) => !ours.includes(target) && !(target.fromDns && target.destination.priority >= end));
}
