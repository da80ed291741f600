/** The xz container (version 1.2.0 of its specification), stream after stream. Checksums are not looked at: what is made of them is our reader's risk alone. */
import type { Bytes } from "../base/bytes.ts";
import { ByteReader } from "./byte_reader.ts";
import { ArchiveFault, damaged } from "./fault.ts";
import { unlzma2 } from "./lzma.ts";

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];
/** §2.1.1.2: octets of the check behind a block, by its type. */
const CHECKS = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const LZMA2 = 0x21;

export async function* unxz(octets: AsyncIterable<Bytes>): AsyncGenerator<Bytes, void, undefined> {
  const reader = new ByteReader(octets);
  for (let first = true;; first = false) {
    // §2.2: padding between streams.
    while (!first && (await reader.peek(4)).length === 4 && (await reader.peek(4)).every((octet) => octet === 0)) {
      await reader.skip(4);
    }
    const head = await reader.peek(12);
    if (!first && !MAGIC.every((octet, i) => head[i] === octet)) return;
    await reader.skip(12);
    yield* stream(reader, CHECKS[head[7]! & 15]!);
  }
}

async function* stream(reader: ByteReader, check: number): AsyncGenerator<Bytes, void, undefined> {
  for (;;) {
    const size = (await reader.peek(1))[0];
    if (size === undefined) throw damaged("ends too early");
    if (size === 0) break;
    const dictionary = dictionaryIn(await reader.take((size + 1) * 4));
    const before = reader.taken;
    yield* unlzma2(reader, { dictionary });
    await reader.skip((4 - (reader.taken - before) % 4) % 4 + check);
  }
  await index(reader);
}

/** §3.1: one filter, LZMA2. */
function dictionaryIn(header: Bytes): number {
  const flags = header[1]!;
  if ((flags & 3) !== 0) throw new ArchiveFault("unknown", "is compressed with a filter that is not read");
  let at = 2;
  const number = () => {
    let value = 0;
    for (let i = 0; i < 9; i++) {
      const octet = header[at++] ?? 0;
      value += (octet & 0x7f) * 2 ** (7 * i);
      if ((octet & 0x80) === 0) break;
    }
    return value;
  };
  if (flags & 0x40) number();
  if (flags & 0x80) number();
  if (number() !== LZMA2) throw new ArchiveFault("unknown", "is compressed with a filter that is not read");
  number();
  return lzma2Dictionary(header[at] ?? 0);
}

/** As xz and 7z write it in an octet. */
export function lzma2Dictionary(octet: number): number {
  return octet >= 40 ? 2 ** 32 - 1 : (2 | (octet & 1)) * 2 ** ((octet >> 1) + 11);
}

/** §4: passed over. */
async function index(reader: ByteReader): Promise<void> {
  let size = 0;
  const octet = async () => {
    size++;
    return (await reader.take(1))[0]!;
  };
  const number = async () => {
    let value = 0;
    for (let i = 0; i < 9; i++) {
      const next = await octet();
      value += (next & 0x7f) * 2 ** (7 * i);
      if ((next & 0x80) === 0) break;
    }
    return value;
  };
  await octet();
  for (let records = await number(); records > 0; records--) {
    await number();
    await number();
  }
  await reader.skip((4 - size % 4) % 4 + 4 + 12);
}
