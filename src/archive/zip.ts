/**
 * Members of a zip archive (APPNOTE 6.3), by its directory at the end.
 *
 * Made to be lied to: every directory that a reader could take for the one is gone through, names are those of the directory and of each member's
 * own header, counts and sizes are believed as far as the octets bear them out, members that no directory lists are told of where they follow
 * upon others. Without a directory (a file cut off) the headers of members
 * are searched for. Throws an {@linkcode ArchiveFault} behind the last member that could be read.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { bunzip2 } from "./bunzip2.ts";
import { ByteReader } from "./byte_reader.ts";
import { ArchiveFault, damaged } from "./fault.ts";
import { inflate } from "./inflate.ts";
import { unlzma } from "./lzma.ts";
import { type Member, textOf } from "./member.ts";
import { littleEndian, type Octets, piecesOf } from "./octets.ts";
import { unxz } from "./xz.ts";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
/** §4.3.16: the end record, and the longest comment behind it. */
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
/** Records in the tail that may be the end record. More of them is somebody's game. */
const MOST_ENDS = 4;
/** Members of one directory that another one has told of. */
const MOST_REPEATED = 2000;
const SEARCHED = 64 * 1024;

/** Where a directory stands, and by how much its offsets are off (something was put in front of the archive). */
interface Directory {
  readonly start: number;
  readonly shift: number;
  /** Members it should have; undefined when that is not told reliably. */
  readonly count: number | undefined;
}

export async function* zipMembers(octets: Octets): AsyncGenerator<Member, void, undefined> {
  const told = new Set<string>();
  const seen: Seen = { ends: new Map(), stored: [] };
  const starts = new Set<number>();
  let short = false;
  let repeated = 0;
  let found = 0;
  for await (const { at, record } of endRecords(octets)) {
    // The end of an archive that lies in this one, as it is.
    if (seen.stored.some(([from, to]) => at >= from && at < to)) continue;
    if (++found > MOST_ENDS) throw damaged("has too many ends");
    for (const directory of await directoriesOf(octets, at, record)) {
      if (starts.has(directory.start)) continue;
      starts.add(directory.start);
      let count = 0;
      const here: string[] = [];
      for await (const { key, member } of membersOf(octets, directory, seen)) {
        count++;
        here.push(key);
        // Whoever counts the members does not hear of these.
        if (!told.has(key)) yield member;
        else if (++repeated > MOST_REPEATED) throw damaged("has directories that repeat one another");
      }
      for (const key of here) told.add(key);
      if (directory.count !== undefined && count < directory.count) short = true;
    }
  }
  if (starts.size === 0) {
    yield* strayMembers(octets);
    throw damaged("has no directory: it is cut off, or no zip");
  }
  yield* unlistedMembers(octets, seen.ends);
  if (short) throw damaged("has a directory with fewer members than it says");
}

/** What directories have told of. */
interface Seen {
  /** Where a member's header stands → where its octets end. */
  readonly ends: Map<number, number>;
  /** Octets that stand as they are. */
  readonly stored: (readonly [from: number, to: number])[];
}

/** From the last one on. */
async function* endRecords(octets: Octets): AsyncGenerator<{ at: number; record: Bytes }, void, undefined> {
  const tailAt = Math.max(0, octets.size - END_SIZE - LONGEST_COMMENT);
  const tail = (await octets.read(tailAt, octets.size - tailAt)).slice();
  const view = littleEndian(tail);
  for (let at = tail.length - END_SIZE; at >= 0; at--) {
    if (view.getUint32(at, true) === END) yield { at: tailAt + at, record: tail.subarray(at, at + END_SIZE) };
  }
}

/** Where readers may look for the directory: at the offset stated, or right in front of the end. */
async function directoriesOf(octets: Octets, endAt: number, record: Bytes): Promise<Directory[]> {
  const view = littleEndian(record);
  let count = view.getUint16(10, true);
  let size = view.getUint32(12, true);
  let offset = view.getUint32(16, true);
  let before = endAt;
  const locator = await octets.read(endAt - 20, endAt >= 20 ? 20 : 0);
  if (locator.length === 20 && littleEndian(locator).getUint32(0, true) === LOCATOR_64) {
    const stated = Number(littleEndian(locator).getBigUint64(8, true));
    for (const at of new Set([stated, endAt - 20 - 56])) {
      const large = at >= 0 && at < octets.size ? await octets.read(at, 56) : record;
      if (large.length < 56 || littleEndian(large).getUint32(0, true) !== END_64) continue;
      const fields = littleEndian(large);
      [count, size, offset] = [32, 40, 48].map((field) => Number(fields.getBigUint64(field, true))) as [
        number,
        number,
        number,
      ];
      before = at;
      break;
    }
  }
  // Split over several files: the count is that of all of them.
  const isWhole = view.getUint16(4, true) === view.getUint16(6, true) && count !== 0xffff;
  const starts = new Set([before - size, offset]);
  const found: Directory[] = [];
  for (const start of starts) {
    if (start < 0 || start >= octets.size) continue;
    const empty = count === 0 && size === 0;
    const first = await octets.read(start, 4);
    const isDirectory = first.length === 4 && littleEndian(first).getUint32(0, true) === CENTRAL;
    if (!isDirectory && !empty) continue;
    found.push({ start, shift: start - offset, count: isWhole ? count : undefined });
  }
  return found;
}

async function* membersOf(
  octets: Octets,
  directory: Directory,
  seen: Seen,
): AsyncGenerator<{ key: string; member: Member }> {
  const reader = new ByteReader(piecesOf(octets, directory.start));
  for (;;) {
    const head = await reader.peek(46);
    if (head.length < 46 || littleEndian(head).getUint32(0, true) !== CENTRAL) return;
    const entry = readEntry(head);
    const [nameSize, extraSize, commentSize] = entry.sizes;
    // A directory cut off in its last member is told of by its count.
    if ((await reader.peek(46 + nameSize + extraSize)).length < 46 + nameSize + extraSize) return;
    await reader.take(46);
    const nameBytes = await reader.take(nameSize);
    const extra = await reader.take(extraSize);
    const { packed, size, offset } = sizesIn(extra, entry);
    const local = await localHeader(octets, offset, directory.shift);
    if (local !== undefined) seen.ends.set(local.at, local.data + packed);
    if (local !== undefined && entry.method === 0) seen.stored.push([local.data, local.data + packed]);
    const names = new Set([textOf(nameBytes), ...unicodeName(extra)]);
    if (local !== undefined && !equalBytes(local.name, nameBytes)) names.add(textOf(local.name));
    names.delete("");
    const isEncrypted = (entry.flags & 0x2041) !== 0 || entry.method === 99 || ((local?.flags ?? 0) & 1) !== 0;
    const hasContent = packed > 0 || size > 0;
    yield {
      key: `${offset} ${[...names].join("\0")}`,
      member: {
        names: [...names],
        isEncrypted,
        ...(!QUICK.has(entry.method) && { isCostly: true }),
        ...(hasContent && !isEncrypted && { open: () => content(octets, entry.method, local?.data, packed, size) }),
      },
    };
    if ((await reader.peek(commentSize)).length < commentSize) return;
    await reader.take(commentSize);
  }
}

/** §4.3.12 */
function readEntry(head: Bytes) {
  const view = littleEndian(head);
  const short = (at: number) => view.getUint16(at, true);
  const long = (at: number) => view.getUint32(at, true);
  return {
    flags: short(8),
    method: short(10),
    packed: long(20),
    size: long(24),
    offset: long(42),
    sizes: [short(28), short(30), short(32)] as const,
  };
}

/** §4.5.3: what did not fit in 32 bits stands in the extra field, in this order. */
function sizesIn(extra: Bytes, entry: { readonly packed: number; readonly size: number; readonly offset: number }) {
  let { packed, size, offset } = entry;
  const field = extraField(extra, 1);
  if (field !== undefined) {
    let at = 0;
    const wide = (value: number) => {
      if (value !== 0xffffffff || at + 8 > field.length) return value;
      at += 8;
      return Number(littleEndian(field).getBigUint64(at - 8, true));
    };
    size = wide(size);
    packed = wide(packed);
    offset = wide(offset);
  }
  return { packed, size, offset };
}

/** §4.6.9: another name, which some readers go by. */
function unicodeName(extra: Bytes): string[] {
  const field = extraField(extra, 0x7075);
  return field === undefined || field.length <= 5 ? [] : [textOf(field.subarray(5))];
}

function extraField(extra: Bytes, id: number): Bytes | undefined {
  const view = littleEndian(extra);
  for (let at = 0; at + 4 <= extra.length;) {
    const length = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === id) return extra.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}

interface LocalHeader {
  readonly flags: number;
  readonly name: Bytes;
  readonly at: number;
  /** Where its octets begin. */
  readonly data: number;
}

/** §4.3.7. Where the directory's offsets are off, readers differ in how they make up for it. */
async function localHeader(octets: Octets, offset: number, shift: number): Promise<LocalHeader | undefined> {
  for (const at of new Set([offset + shift, offset])) {
    if (at < 0 || at + 30 > octets.size) continue;
    const head = await octets.read(at, 30);
    const view = littleEndian(head);
    if (head.length < 30 || view.getUint32(0, true) !== LOCAL) continue;
    const nameSize = view.getUint16(26, true);
    const name = (await octets.read(at + 30, nameSize)).slice();
    return { flags: view.getUint16(6, true), name, at, data: at + 30 + nameSize + view.getUint16(28, true) };
  }
}

async function* content(
  octets: Octets,
  method: number,
  data: number | undefined,
  packed: number,
  size: number,
): AsyncGenerator<Bytes, void, undefined> {
  if (data === undefined) throw damaged("has no header where the directory says");
  const raw = piecesOf(octets, data, data + packed);
  const decode = METHODS[method];
  if (decode === undefined) throw new ArchiveFault("unknown", `is compressed by method ${method}`);
  let given = 0;
  for await (const piece of decode(raw, size)) {
    yield piece;
    given += piece.length;
  }
  if (given !== size) throw damaged(`has ${given} octets and not ${size}, as it says`);
}

/** §4.4.5 */
const METHODS: { readonly [method: number]: (raw: AsyncIterable<Bytes>, size: number) => AsyncIterable<Bytes> } = {
  0: (raw) => raw,
  8: inflate,
  12: bunzip2,
  14: lzma,
  95: unxz,
};

/** Whose beginning is had for little. Others decompress a block at a time. */
const QUICK: ReadonlySet<number> = new Set([0, 8]);

/** §5.8: a version, and the settings with their length, stand in front. */
async function* lzma(raw: AsyncIterable<Bytes>, size: number): AsyncGenerator<Bytes, void, undefined> {
  const reader = new ByteReader(raw);
  const head = await reader.take(9);
  if (head[2] !== 5 || head[3] !== 0) throw damaged("has impossible properties");
  yield* unlzma(reader, { properties: head[4]!, dictionary: littleEndian(head).getUint32(5, true), size });
}

/** What a reader would find that goes from member to member and never sees the directory. */
async function* unlistedMembers(
  octets: Octets,
  ends: ReadonlyMap<number, number>,
): AsyncGenerator<Member, void, undefined> {
  const isMember = async (at: number) => {
    const mark = await octets.read(at, 4);
    return mark.length === 4 && littleEndian(mark).getUint32(0, true) === LOCAL;
  };
  let at = await isMember(0) ? 0 : Math.min(...ends.keys(), octets.size);
  for (;;) {
    let end = ends.get(at);
    if (end === undefined) {
      const local = await localHeader(octets, at, 0);
      if (local === undefined) return;
      yield { names: [textOf(local.name)], isEncrypted: (local.flags & 1) !== 0 };
      // §4.3.9: how long it is stands behind it.
      if ((local.flags & 8) !== 0) return;
      end = local.data + littleEndian(await octets.read(at + 18, 4)).getUint32(0, true);
    }
    const next: number[] = [];
    for (const descriptor of DESCRIPTORS) {
      if (next.length === 0 && await isMember(end + descriptor)) next.push(end + descriptor);
    }
    if (next[0] === undefined || next[0] <= at) return;
    at = next[0];
  }
}

/** §4.3.9: sizes that a record behind a member's octets has. */
const DESCRIPTORS = [0, 16, 12, 24, 20];

/** Headers of members wherever they stand. */
async function* strayMembers(octets: Octets): AsyncGenerator<Member, void, undefined> {
  for (let at = 0; at + 30 <= octets.size;) {
    const window = await octets.read(at, SEARCHED);
    const view = littleEndian(window);
    let step = Math.max(1, window.length - 29);
    for (let i = 0; i + 30 <= window.length; i++) {
      if (window[i] !== 0x50 || view.getUint32(i, true) !== LOCAL) continue;
      const nameSize = view.getUint16(i + 26, true);
      const name = await octets.read(at + i + 30, nameSize);
      if (nameSize === 0 || name.length < nameSize || name.includes(0)) continue;
      yield { names: [textOf(name)], isEncrypted: (view.getUint16(i + 6, true) & 1) !== 0 };
      step = i + 30 + nameSize;
      break;
    }
    at += step;
  }
}
