/**
 * Members of a 7z archive, as 7-Zip's own description of the format (7zFormat.txt, public domain) has it.
 *
 * Names stand in a header that is itself compressed, by LZMA. Octets of members can be had where they are stored or compressed by LZMA, LZMA2, bzip2 or deflate alone;
 * many lie in one stream, and what is in front has to be decompressed: whoever opens a member pays for those before it. Throws an
 * {@linkcode ArchiveFault} where the header cannot be read; one that is encrypted hides the names.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import { bunzip2 } from "./bunzip2.ts";
import { ByteReader, type ByteReaderOptions } from "./byte_reader.ts";
import { ArchiveFault, damaged } from "./fault.ts";
import { inflate } from "./inflate.ts";
import { unlzma, unlzma2 } from "./lzma.ts";
import type { Member } from "./member.ts";
import { littleEndian, type Octets, piecesOf } from "./octets.ts";
import { type Folder, type Packed, readHeader } from "./seven_zip_header.ts";
import { lzma2Dictionary } from "./xz.ts";

/** Octets of a header that are read: names of some ten thousand members. */
const LARGEST_HEADER = 2 * 1024 * 1024;
/** Headers that are the compressed form of another one. */
const MOST_WRAPPINGS = 4;
const START = 32;

export async function* sevenZipMembers(
  octets: Octets,
  reading: ByteReaderOptions = {},
): AsyncGenerator<Member, void, undefined> {
  const head = await octets.read(0, START);
  if (head.length < START) throw damaged("ends too early");
  const view = littleEndian(head);
  const [offset, size] = [Number(view.getBigUint64(12, true)), Number(view.getBigUint64(20, true))];
  if (size === 0) return;
  if (size > LARGEST_HEADER) throw new ArchiveFault("unknown", "has a header too large to be read");
  let header = await octets.read(START + offset, size);
  if (header.length < size) throw damaged("ends too early");
  for (let i = 0;; i++) {
    const found = readHeader(header);
    if (found.kind === "header") {
      yield* members(octets, found.packed, found.files, reading);
      return;
    }
    const [folder] = found.packed.folders;
    if (i === MOST_WRAPPINGS || folder === undefined) throw damaged("has no header");
    if (isEncrypted(folder)) throw new ArchiveFault("encrypted", "has a header that is encrypted");
    if (folder.size > LARGEST_HEADER) throw new ArchiveFault("unknown", "has a header too large to be read");
    header = await whole(open(octets, folder, reading), folder.size);
  }
}

async function* members(
  octets: Octets,
  { folders }: Packed,
  files: readonly { readonly name: string; readonly hasStream: boolean }[],
  reading: ByteReaderOptions,
): AsyncGenerator<Member, void, undefined> {
  const withStream = files.filter(({ hasStream }) => hasStream);
  for (const { name, hasStream } of files) {
    if (!hasStream) yield { names: name === "" ? [] : [name], isEncrypted: false };
  }
  let next = 0;
  for (const folder of folders) {
    const stream = new Lazy(() => open(octets, folder, reading), reading);
    try {
      let at = 0;
      for (const size of folder.parts) {
        const file = withStream[next++];
        const from = at;
        at += size;
        if (file === undefined) continue;
        const names = file.name === "" ? [] : [file.name];
        if (isEncrypted(folder)) yield { names, isEncrypted: true };
        else yield { names, isEncrypted: false, isCostly: true, open: () => stream.part(from, size) };
      }
    } finally {
      await stream.close();
    }
  }
  // More names than streams: told of, whatever they are.
  for (const { name } of withStream.slice(next)) yield { names: [name], isEncrypted: false };
}

/** A stream that is decompressed when a part of it is wanted, and once only. */
class Lazy {
  readonly #open: () => AsyncIterable<Bytes>;
  readonly #reading: ByteReaderOptions;
  #reader: ByteReader | undefined;

  constructor(open: () => AsyncIterable<Bytes>, reading: ByteReaderOptions) {
    this.#open = open;
    this.#reading = reading;
  }

  async *part(from: number, size: number): AsyncGenerator<Bytes, void, undefined> {
    const reader = this.#reader ??= new ByteReader(this.#open(), { pace: this.#reading.pace });
    for (let left = from - reader.taken; left > 0;) {
      const piece = await reader.next(left);
      if (piece === undefined) throw damaged("ends too early");
      // What was passed over cost as much as what is wanted.
      this.#reading.onTake?.(piece.length);
      left -= piece.length;
    }
    for (let left = from + size - reader.taken; left > 0;) {
      const piece = await reader.next(left);
      if (piece === undefined) throw damaged("ends too early");
      left -= piece.length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }
}

const AES = "06f10701";

function isEncrypted({ coders }: Folder): boolean {
  return coders.some(({ method }) => method === AES);
}

/** What a folder decompresses to. */
async function* open(
  octets: Octets,
  folder: Folder,
  { pace }: ByteReaderOptions,
): AsyncGenerator<Bytes, void, undefined> {
  const [coder, another] = folder.coders;
  const packed = folder.packed;
  if (coder === undefined || another !== undefined || packed === undefined) {
    throw new ArchiveFault("unknown", "is compressed with filters that are not read");
  }
  const from = START + packed.offset;
  const reader = new ByteReader(piecesOf(octets, from, from + packed.size), { pace });
  const { method, properties } = coder;
  if (method === "00") yield* reader.rest();
  else if (method === "040202") yield* bunzip2(reader.rest());
  else if (method === "040108") yield* inflate(reader.rest());
  else if (method === "21") {
    yield* unlzma2(reader, { dictionary: lzma2Dictionary(properties[0] ?? 0), size: folder.size });
  } else if (method === "030101") {
    if (properties.length < 5) throw damaged("has impossible properties");
    const dictionary = littleEndian(properties).getUint32(1, true);
    yield* unlzma(reader, { properties: properties[0]!, dictionary, size: folder.size });
  } else throw new ArchiveFault("unknown", `is compressed by method ${method}`);
}

async function whole(pieces: AsyncIterable<Bytes>, size: number): Promise<Bytes> {
  const all: Bytes[] = [];
  let have = 0;
  for await (const piece of pieces) {
    all.push(piece);
    have += piece.length;
    if (have > size) throw damaged("has a header longer than it says");
  }
  if (have < size) throw damaged("has a header shorter than it says");
  return concat(all);
}
