/** LZW as `compress` writes it (`.Z`): codes of 9 to 16 bits. Throws an {@linkcode ArchiveFault} for octets that are none. */
import type { Bytes } from "../base/bytes.ts";
import { ByteReader } from "./byte_reader.ts";
import { ArchiveFault, damaged } from "./fault.ts";

const CLEAR = 256;
/** Octets of output made at a stretch, or a little more. */
const STRETCH = 32 * 1024;

export async function* uncompress(octets: AsyncIterable<Bytes>): AsyncGenerator<Bytes, void, undefined> {
  const reader = new ByteReader(octets);
  const flags = (await reader.take(3))[2]!;
  const widest = flags & 31;
  const hasClear = (flags & 0x80) !== 0;
  if (widest < 9 || widest > 16) throw damaged("has codes of an impossible length");
  // Writers of these disagree with one another.
  if (widest === 9) throw new ArchiveFault("unknown", "has codes of nine bits only");
  /** Of each code: the one it goes on from, and its last octet. */
  const prefix = new Uint16Array(2 ** widest);
  const suffix = new Uint8Array(2 ** widest);
  for (let i = 0; i < 256; i++) suffix[i] = i;
  const stack = new Uint8Array(2 ** widest + 1);
  let free = hasClear ? CLEAR + 1 : CLEAR;
  let width = 9;
  let before = -1;
  let first = 0;
  /** Room for a whole group behind a stretch. */
  const out = new Uint8Array(STRETCH + 8 * stack.length);
  let made = 0;
  for (;;) {
    // Codes stand in groups of eight; a group is left where their length changes.
    const group = await reader.peek(width);
    if (group.length === 0) break;
    await reader.take(group.length);
    let bit = 0;
    const length = width;
    while (bit + length <= 8 * group.length && width === length) {
      const at = bit >> 3;
      const bits = group[at]! | ((group[at + 1] ?? 0) << 8) | ((group[at + 2] ?? 0) << 16);
      let code = (bits >> (bit & 7)) & ((1 << length) - 1);
      bit += length;
      if (code === CLEAR && hasClear) {
        free = CLEAR + 1;
        width = 9;
        before = -1;
        break;
      }
      if (code > free || (before < 0 && code > 255)) {
        throw damaged("has an impossible code");
      }
      const given = code;
      let depth = 0;
      if (code === free) {
        stack[depth++] = first;
        code = before;
      }
      while (code > 255) {
        stack[depth++] = suffix[code]!;
        code = prefix[code]!;
      }
      first = code;
      stack[depth++] = first;
      while (depth > 0) out[made++] = stack[--depth]!;
      if (before >= 0 && free < 2 ** widest) {
        prefix[free] = before;
        suffix[free] = first;
        free++;
        if (free === 1 << width && width < widest) width++;
      }
      before = given;
    }
    if (made >= STRETCH) {
      yield out.slice(0, made);
      made = 0;
    }
  }
  if (made > 0) yield out.slice(0, made);
}
