/**
 * Members of a tar archive (POSIX ustar and pax, GNU, and the old form), in one pass.
 *
 * A member's octets can be read until the next one is asked for. Throws an {@linkcode ArchiveFault} where it is cut off or is no header.
 */
import { type Bytes, latin1Decode } from "../base/bytes.ts";
import type { ByteReader } from "./byte_reader.ts";
import { damaged } from "./fault.ts";
import { type Member, textOf } from "./member.ts";

const BLOCK = 512;
/** Octets of a long name, or of a pax header. */
const LONGEST_EXTENSION = 64 * 1024;

/** Whether this may be the first block of a tar archive: its checksum is right. */
export function isTar(head: Bytes): boolean {
  return head.length >= BLOCK && head[0] !== 0 && hasChecksum(head.subarray(0, BLOCK));
}

export async function* tarMembers(reader: ByteReader): AsyncGenerator<Member, void, undefined> {
  /** What extension headers say of the member that follows. */
  let told: { path?: string; link?: string; size?: number } = {};
  for (;;) {
    // Archives end with two blocks of zeros; many end without.
    if ((await reader.peek(1)).length === 0) return;
    const head = await reader.take(BLOCK);
    if (head.every((octet) => octet === 0)) return;
    if (!hasChecksum(head)) throw damaged("has a header with a wrong checksum");
    const type = String.fromCharCode(head[156]!);
    const size = type === "x" || type === "g" || type === "L" || type === "K"
      ? numberAt(head, 124, 12)
      : told.size ?? numberAt(head, 124, 12);
    if (!Number.isSafeInteger(size) || size < 0) throw damaged("has a member of an impossible size");
    const padding = (BLOCK - size % BLOCK) % BLOCK;
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      if (size > LONGEST_EXTENSION) throw damaged("has an endless extended header");
      const octets = await reader.take(size);
      await reader.skip(padding);
      if (type === "x") told = { ...told, ...paxOf(octets) };
      if (type === "L") told = { ...told, path: textUntilNul(octets) };
      continue;
    }
    // GNU's sparse files have further tables behind the header.
    if (type === "S") { for (let more = head[482]; more;) more = (await reader.take(BLOCK))[504]; }
    let left = hasContent(type) ? size : 0;
    const open = async function* (): AsyncGenerator<Bytes, void, undefined> {
      while (left > 0) {
        const piece = await reader.next(left);
        if (piece === undefined) throw damaged("ends too early");
        left -= piece.length;
        yield piece;
      }
    };
    yield {
      names: [...new Set([told.path ?? nameIn(head), ...told.path === undefined ? [] : [nameIn(head)]])].filter(
        Boolean,
      ),
      isEncrypted: false,
      ...(type !== "5" && left > 0 && { open }),
    };
    await reader.skip(left + (hasContent(type) ? padding : 0));
    told = {};
  }
}

/** Links, devices and folders have none, whatever their size says. */
function hasContent(type: string): boolean {
  return !"123456".includes(type);
}

function nameIn(head: Bytes): string {
  const name = textUntilNul(head.subarray(0, 100));
  const isUstar = latin1Decode(head.subarray(257, 263)) === "ustar\0";
  const prefix = isUstar ? textUntilNul(head.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function textUntilNul(octets: Bytes): string {
  const end = octets.indexOf(0);
  return textOf(end < 0 ? octets : octets.subarray(0, end));
}

/** Octal digits, or GNU's binary form with the first bit set; NaN for neither. */
function numberAt(head: Bytes, at: number, length: number): number {
  const field = head.subarray(at, at + length);
  if (field[0]! & 0x80) return field.reduce((value, octet, i) => value * 256 + (i === 0 ? octet & 0x7f : octet), 0);
  const digits = latin1Decode(field).replace(/[\0 ]+/g, " ").trim().split(" ")[0]!;
  return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** The sum of all octets, those of the checksum counted as blanks; some wrote it with signed octets. */
function hasChecksum(head: Bytes): boolean {
  let unsigned = 8 * 32;
  let signed = 8 * 32;
  for (const [i, octet] of head.entries()) {
    if (i >= 148 && i < 156) continue;
    unsigned += octet;
    signed += octet > 127 ? octet - 256 : octet;
  }
  const stated = numberAt(head, 148, 8);
  return stated === unsigned || stated === signed;
}

/** Records `LENGTH key=value\n`. */
function paxOf(octets: Bytes): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {};
  for (let at = 0; at < octets.length;) {
    const blank = octets.indexOf(32, at);
    const length = Number(latin1Decode(octets.subarray(at, blank)));
    if (blank < 0 || !Number.isInteger(length) || length < blank - at + 3) throw damaged("has a broken pax header");
    const record = textOf(octets.subarray(blank + 1, at + length - 1));
    if (record.startsWith("path=")) found.path = record.slice(5);
    if (record.startsWith("size=")) found.size = Number(record.slice(5));
    at += length;
  }
  return found;
}
