/**
 * Members of a RAR archive, versions 4 and 5, as RARLAB's notes on the format have it: names of all, octets of those that are stored.
 *
 * What RAR has compressed stays closed: nothing that is free reads it. Throws an {@linkcode ArchiveFault} where it is cut off or is no header; headers
 * that are encrypted hide the names.
 */
import { type Bytes, latin1Decode } from "../base/bytes.ts";
import type { ByteReader } from "./byte_reader.ts";
import { ArchiveFault, damaged } from "./fault.ts";
import { type Member, textOf } from "./member.ts";
import { littleEndian } from "./octets.ts";

const MARK = "Rar!\x1a\x07";
const LARGEST_HEADER = 2 * 1024 * 1024;

export async function* rarMembers(reader: ByteReader): AsyncGenerator<Member, void, undefined> {
  const mark = latin1Decode(await reader.take(7));
  if (mark === `${MARK}\0`) return yield* version4(reader);
  if (mark !== `${MARK}\x01` || (await reader.take(1))[0] !== 0) throw damaged("is no RAR");
  yield* version5(reader);
}

/** What a file's header says of it. */
interface Entry {
  readonly names: readonly string[];
  readonly isFolder: boolean;
  readonly isEncrypted: boolean;
  readonly isStored: boolean;
  /** Begins in another volume, or goes on in one. */
  readonly isSplit: boolean;
}

async function* member(reader: ByteReader, entry: Entry, packed: number): AsyncGenerator<Member, void, undefined> {
  let left = packed;
  const open = async function* (): AsyncGenerator<Bytes, void, undefined> {
    if (!entry.isStored) throw new ArchiveFault("unknown", "is compressed by RAR");
    while (left > 0) {
      const piece = await reader.next(left);
      if (piece === undefined) throw damaged("ends too early");
      left -= piece.length;
      yield piece;
    }
    if (entry.isSplit) throw damaged("goes on in another file");
  };
  const names = entry.names.filter((name) => name !== "");
  const isOpen = !entry.isFolder && !entry.isEncrypted && packed > 0;
  yield { names, isEncrypted: entry.isEncrypted, ...(isOpen && { open }) };
  await reader.skip(left);
}

async function* version4(reader: ByteReader): AsyncGenerator<Member, void, undefined> {
  while ((await reader.peek(1)).length > 0) {
    const head = littleEndian(await reader.peek(7));
    if (head.byteLength < 7) throw damaged("ends too early");
    const [type, flags, size] = [head.getUint8(2), head.getUint16(3, true), head.getUint16(5, true)];
    if (size < 7 || type < 0x72 || type > 0x7b) throw damaged("has an impossible header");
    const header = await reader.take(size);
    const view = littleEndian(header);
    if (type === 0x7b) return;
    if (type === 0x73 && flags & 0x80) throw new ArchiveFault("encrypted", "has headers that are encrypted");
    let packed = flags & 0x8000 && size >= 11 ? view.getUint32(7, true) : 0;
    if (type !== 0x74) {
      await reader.skip(packed);
      continue;
    }
    if (size < 32) throw damaged("has an impossible header");
    packed = view.getUint32(7, true);
    const isLarge = (flags & 0x100) !== 0;
    if (isLarge && size >= 40) packed += view.getUint32(32, true) * 2 ** 32;
    const start = isLarge ? 40 : 32;
    const name = header.subarray(start, start + view.getUint16(26, true));
    yield* member(reader, {
      names: (flags & 0x200) !== 0 ? namesIn(name) : [textOf(name)],
      isFolder: (flags & 0xe0) === 0xe0,
      isEncrypted: (flags & 4) !== 0,
      isStored: view.getUint8(25) === 0x30,
      isSplit: (flags & 3) !== 0,
    }, packed);
  }
}

/** A name in an old character set, a NUL, and how Unicode differs from it; some readers show one and some the other. */
function namesIn(field: Bytes): string[] {
  const end = field.indexOf(0);
  if (end < 0) return [textOf(field)];
  const plain = field.subarray(0, end);
  const code = field.subarray(end + 1);
  const high = (code[0] ?? 0) << 8;
  let name = "";
  let at = 1;
  let flags = 0;
  let bits = 0;
  while (at < code.length && name.length < 4096) {
    if (bits === 0) {
      flags = code[at++]!;
      bits = 8;
    }
    const how = (flags >> 6) & 3;
    flags = (flags << 2) & 255;
    bits -= 2;
    if (how === 0) name += String.fromCharCode(code[at++] ?? 0);
    else if (how === 1) name += String.fromCharCode((code[at++] ?? 0) + high);
    else if (how === 2) name += String.fromCharCode((code[at++] ?? 0) + ((code[at++] ?? 0) << 8));
    else {
      const length = code[at++] ?? 0;
      const isCorrected = (length & 0x80) !== 0;
      const correction = isCorrected ? code[at++] ?? 0 : 0;
      for (let i = (length & 0x7f) + 2; i > 0; i--) {
        const octet = plain[name.length] ?? 0;
        name += String.fromCharCode(isCorrected ? ((octet + correction) & 255) + high : octet);
      }
    }
  }
  return [...new Set([name.replace(/\0+$/, ""), textOf(plain)])];
}

async function* version5(reader: ByteReader): AsyncGenerator<Member, void, undefined> {
  while ((await reader.peek(1)).length > 0) {
    await reader.take(4);
    const size = await number(reader);
    if (size === 0 || size > LARGEST_HEADER) throw damaged("has an impossible header");
    const header = new Fields(await reader.take(size));
    const type = header.number();
    const flags = header.number();
    const extra = flags & 1 ? header.number() : 0;
    const packed = flags & 2 ? header.number() : 0;
    if (type === 4) throw new ArchiveFault("encrypted", "has headers that are encrypted");
    if (type === 5) return;
    if (type !== 2) {
      await reader.skip(packed);
      continue;
    }
    const fileFlags = header.number();
    header.number();
    header.number();
    header.skip((fileFlags & 2 ? 4 : 0) + (fileFlags & 4 ? 4 : 0));
    const compression = header.number();
    header.number();
    const name = header.octets(header.number());
    yield* member(reader, {
      names: [textOf(name)],
      isFolder: (fileFlags & 1) !== 0,
      isEncrypted: header.last(extra).hasRecord(1),
      isStored: ((compression >> 7) & 7) === 0,
      isSplit: (flags & 0x18) !== 0,
    }, packed);
  }
}

/** Seven bits an octet, the lowest first. */
async function number(reader: ByteReader): Promise<number> {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const octet = (await reader.take(1))[0]!;
    value += (octet & 0x7f) * 2 ** (7 * i);
    if ((octet & 0x80) === 0) return value;
  }
  throw damaged("has an impossible header");
}

class Fields {
  readonly #octets: Bytes;
  #at = 0;

  constructor(octets: Bytes) {
    this.#octets = octets;
  }

  number(): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const octet = this.#octets[this.#at++];
      if (octet === undefined) break;
      value += (octet & 0x7f) * 2 ** (7 * i);
      if ((octet & 0x80) === 0) return value;
    }
    throw damaged("has an impossible header");
  }

  octets(length: number): Bytes {
    if (length > this.#octets.length - this.#at) throw damaged("has an impossible header");
    this.#at += length;
    return this.#octets.subarray(this.#at - length, this.#at);
  }

  skip(length: number): void {
    this.octets(length);
  }

  last(length: number): Fields {
    if (length > this.#octets.length) throw damaged("has an impossible header");
    return new Fields(this.#octets.subarray(this.#octets.length - length));
  }

  /** Whether one of the records that make it up is of this type. */
  hasRecord(type: number): boolean {
    while (this.#at < this.#octets.length) {
      const size = this.number();
      if (size === 0) return false;
      const record = new Fields(this.octets(Math.min(size, this.#octets.length - this.#at)));
      if (record.number() === type) return true;
    }
    return false;
  }
}
