/** A search over literals, with everything in memory. */
import assert from "node:assert/strict";
import { ArchiveSearch, type SearchLimits } from "../../src/archive/search.ts";
import { Spool } from "../../src/archive/spool.ts";
import type { Member } from "../../src/archive/member.ts";
import { type Bytes, concat, equalBytes } from "../../src/base/bytes.ts";
import { MemoryDisk } from "../kit/memory_disk.ts";

export async function* pieces(octets: Bytes, size = octets.length): AsyncGenerator<Bytes, void, undefined> {
  for (let at = 0; at < octets.length; at += Math.max(1, size)) yield octets.subarray(at, at + Math.max(1, size));
}

/** `deepEqual` takes minutes to say how long arrays differ. */
export function assertSame(actual: Bytes, expected: Bytes, what = "the octets"): void {
  const place = actual.findIndex((octet, i) => octet !== expected[i]);
  assert.ok(
    equalBytes(actual, expected),
    `${what}: ${actual.length} for ${expected.length}, other than wanted at ${place}`,
  );
}

export async function whole(pieces: AsyncIterable<Bytes>): Promise<Bytes> {
  const all: Bytes[] = [];
  for await (const piece of pieces) all.push(piece);
  return concat(all);
}

/** `name`, `name|other` and `name (encrypted)`, one for each member; last the fault, if there was one. */
export async function listed(members: AsyncIterable<Member>): Promise<string[]> {
  const list: string[] = [];
  try {
    for await (const { names, isEncrypted } of members) {
      list.push(`${names.join("|")}${isEncrypted ? " (encrypted)" : ""}`);
    }
  } catch (fault) {
    list.push(String(fault));
  }
  return list;
}

export interface Searched {
  readonly names: readonly string[];
  /** `kind where`. */
  readonly troubles: readonly string[];
  readonly details: readonly string[];
  readonly isArchive: boolean;
  readonly disk: MemoryDisk;
}

const LIMITS: SearchLimits = { depth: 5, octets: 10_000_000, members: 1000 };
const LISTED = /\.(?:zip|tar|tgz|taz|z|gz|rar|7z)$/i;

export async function search(
  name: string,
  octets: Bytes,
  { signal = new AbortController().signal, room = 4096, pieceSize, ...limits }:
    & Partial<SearchLimits>
    & { readonly signal?: AbortSignal; readonly room?: number; readonly pieceSize?: number } = {},
): Promise<Searched> {
  const disk = new MemoryDisk();
  let spools = 0;
  const found = new ArchiveSearch({
    limits: { ...LIMITS, ...limits },
    isArchive: (name) => LISTED.test(name),
    newSpool: () => new Spool({ host: disk, path: `/spool${spools++}`, room }),
    signal,
  });
  const isArchive = await found.look([name], pieces(octets, pieceSize));
  return {
    names: found.names,
    troubles: found.troubles.map(({ kind, where }) => `${kind} ${where}`),
    details: found.troubles.map(({ detail }) => detail),
    isArchive,
    disk,
  };
}
