/**
 * Lists of hosts as operators write them: names, addresses, CIDR blocks (`force_tls_hosts`, `no_tls_hosts`).
 */
import { addressBlock, addressOctets, type Block, inBlock } from "./address_kind.ts";

interface HostList {
  readonly names: ReadonlySet<string>;
  readonly blocks: readonly Block[];
}

/** A list is read once; settings keep the same array until they change. */
const read = new WeakMap<readonly string[], HostList>();

/** Whether one of the names, or the address (undefined for a Unix socket), stands in the list. Names match exactly. */
export function isListed(list: readonly string[], address: string | undefined, ...names: readonly string[]): boolean {
  if (list.length === 0) return false;
  let known = read.get(list);
  if (known === undefined) read.set(list, known = readList(list));
  for (const name of names) if (known.names.has(name.toLowerCase())) return true;
  if (address === undefined || known.blocks.length === 0) return false;
  const octets = addressOctets(address);
  return octets !== undefined && known.blocks.some((block) => inBlock(octets, block));
}

function readList(list: readonly string[]): HostList {
  const names = new Set<string>();
  const blocks: Block[] = [];
  for (const entry of list) {
    const block = addressBlock(entry.trim());
    if (block === undefined) names.add(entry.trim().toLowerCase());
    else blocks.push(block);
  }
  return { names, blocks };
}
