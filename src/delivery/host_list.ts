/**
 * Lists of hosts as operators write them: names, addresses, CIDR blocks (`force_tls_hosts`, `no_tls_hosts`).
 */
import { ipInList, isNetwork } from "../base/ip.ts";

interface HostList {
  readonly names: ReadonlySet<string>;
  readonly networks: readonly string[];
}

/** A list is read once; settings keep the same array until they change. */
const read = new WeakMap<readonly string[], HostList>();

/** Whether one of the names, or the address (undefined for a Unix socket), stands in the list. Names match exactly. */
export function isListed(list: readonly string[], address: string | undefined, ...names: readonly string[]): boolean {
  if (list.length === 0) return false;
  let known = read.get(list);
  if (known === undefined) read.set(list, known = readList(list));
  for (const name of names) if (known.names.has(name.toLowerCase())) return true;
  return address !== undefined && known.networks.length > 0 && ipInList(known.networks, address);
}

function readList(list: readonly string[]): HostList {
  const names = new Set<string>();
  const networks: string[] = [];
  for (const entry of list.map((each) => each.trim().toLowerCase())) {
    if (isNetwork(entry)) networks.push(entry);
    else names.add(entry);
  }
  return { names, networks };
}
