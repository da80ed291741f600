/**
 * Writes databases in MaxMind's format (version 2.0), so that tests have their own:
 *
 *     mmdb({ type: "GeoLite2-City", networks: { "8.8.8.0/24": { country: { iso_code: "US" } } } })
 *
 * A longer prefix wins over a shorter one, whatever their order. IPv4 networks lie at ::/96 of an IPv6 tree, as in MaxMind's own files.
 */
import ipaddr from "ipaddr.js";
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";

/** Whole numbers from 0 on become uint32, others double. */
export type MmdbValue = string | number | boolean | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  readonly type: string;
  /** CIDR → what is known of it. */
  readonly networks: { readonly [network: string]: MmdbValue };
  /** Default 6. With 4 only IPv4 networks may be given. */
  readonly ipVersion?: 4 | 6;
  /** Bits of one record of the tree. Default 24. */
  readonly recordSize?: 24 | 28 | 32;
  /** Seconds since 1970. */
  readonly built?: number;
}

type Branch = Tree | { readonly data: number } | undefined;
interface Tree {
  branches: [Branch, Branch];
}

const SEPARATOR = 16;
const MARK = concat([Uint8Array.of(0xab, 0xcd, 0xef), utf8Encode("MaxMind.com")]);

export function mmdb(options: MmdbOptions): Bytes {
  const { type, ipVersion = 6, recordSize = 24, built = 1_700_000_000 } = options;
  const root: Tree = { branches: [undefined, undefined] };
  const data: Bytes[] = [];
  let written = 0;
  const networks = Object.entries(options.networks).map(([network, value]) => ({
    bits: bitsOf(network, ipVersion),
    value,
  }));
  for (const { bits, value } of networks.sort((a, b) => a.bits.length - b.bits.length)) {
    const octets = encode(value);
    insert(root, bits, { data: written });
    data.push(octets);
    written += octets.length;
  }

  const nodes: Tree[] = [];
  const number = (tree: Tree) => {
    numbers.set(tree, nodes.push(tree) - 1);
    for (const branch of tree.branches) if (branch !== undefined && "branches" in branch) number(branch);
  };
  const numbers = new Map<Tree, number>();
  number(root);
  const recordOf = (branch: Branch) =>
    branch === undefined
      ? nodes.length
      : "data" in branch
      ? nodes.length + SEPARATOR + branch.data
      : numbers.get(branch)!;
  const tree = nodes.map(({ branches: [left, right] }) => nodeOf(recordOf(left), recordOf(right), recordSize));
  return concat([
    ...tree,
    new Uint8Array(SEPARATOR),
    ...data,
    MARK,
    encode({
      binary_format_major_version: 2,
      binary_format_minor_version: 0,
      build_epoch: built,
      database_type: type,
      description: { en: "made by a test" },
      ip_version: ipVersion,
      languages: ["en"],
      node_count: nodes.length,
      record_size: recordSize,
    }),
  ]);
}

function bitsOf(network: string, version: 4 | 6): string {
  const [ip, length] = ipaddr.parseCIDR(network);
  const bits = ip.toByteArray().map((octet) => octet.toString(2).padStart(8, "0")).join("").slice(0, length);
  if (version === 4 && ip.kind() === "ipv6") throw new TypeError(`${network} does not fit in a tree of IPv4`);
  return version === 6 && ip.kind() === "ipv4" ? "0".repeat(96) + bits : bits;
}

/** What stood above a longer prefix holds for the rest of its network. */
function insert(root: Tree, bits: string, leaf: { readonly data: number }): void {
  let tree = root;
  for (const [at, bit] of [...bits].entries()) {
    const side = Number(bit) as 0 | 1;
    const there = tree.branches[side];
    if (at === bits.length - 1) tree.branches[side] = leaf;
    else if (there !== undefined && "branches" in there) tree = there;
    else {
      const next: Tree = { branches: [there, there] };
      tree.branches[side] = next;
      tree = next;
    }
  }
}

function nodeOf(left: number, right: number, size: 24 | 28 | 32): Bytes {
  if (size === 24) return Uint8Array.from([left >> 16, left >> 8, left, right >> 16, right >> 8, right]);
  if (size === 32) {
    const node = new DataView(new ArrayBuffer(8));
    node.setUint32(0, left);
    node.setUint32(4, right);
    return new Uint8Array(node.buffer);
  }
  // The octet in the middle has the highest four bits of both.
  const middle = ((left >> 24) << 4) | ((right >> 24) & 15);
  return Uint8Array.from([left >> 16, left >> 8, left, middle, right >> 16, right >> 8, right]);
}

const TEXT = 2, DOUBLE = 3, UINT32 = 6, MAP = 7, ARRAY = 11, BOOLEAN = 14;

function encode(value: MmdbValue): Bytes {
  switch (typeof value) {
    case "string": {
      const octets = utf8Encode(value);
      return concat([control(TEXT, octets.length), octets]);
    }
    case "boolean":
      return control(BOOLEAN, Number(value));
    case "number": {
      const octets = new DataView(new ArrayBuffer(8));
      if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) {
        octets.setUint32(0, value);
        return concat([control(UINT32, 4), new Uint8Array(octets.buffer, 0, 4)]);
      }
      octets.setFloat64(0, value);
      return concat([control(DOUBLE, 8), new Uint8Array(octets.buffer)]);
    }
  }
  if (Array.isArray(value)) return concat([control(ARRAY, value.length), ...value.map(encode)]);
  const entries = Object.entries(value as { readonly [key: string]: MmdbValue });
  return concat([control(MAP, entries.length), ...entries.flatMap(([key, each]) => [encode(key), encode(each)])]);
}

/** Types above 7 stand in an octet of their own; sizes from 29 on go on behind it. */
function control(type: number, size: number): Bytes {
  const first = (type > 7 ? 0 : type << 5) | Math.min(size, size < 29 ? 28 : size < 285 ? 29 : 30);
  const further = size < 29 ? [] : size < 285 ? [size - 29] : [(size - 285) >> 8, (size - 285) & 255];
  if (size > 285 + 0xffff) throw new TypeError("Too large for a test's database");
  return Uint8Array.from([first, ...type > 7 ? [type - 7] : [], ...further]);
}
