/**
 * Makes archives, well-formed or as a liar would: zip, tar and gzip, from literals.
 *
 *     zip({ "a.txt": "hello", "inner.zip": zip({ "b.exe": "MZ" }) })
 *     tar({ "a/b.txt": "hello" })
 *     gzip(tar({…}), "b.tar")
 */
import { deflateSync, gzipSync } from "fflate";
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";

type Content = string | Uint8Array;

export interface ZipMember {
  readonly name: Content;
  readonly content?: Content;
  /** 8 deflates; with any other the content stands as it is given. Default 8. */
  readonly method?: number;
  readonly flags?: number;
  /** In its own header, in the place of `name`. */
  readonly localName?: Content;
  /** What it says its size is. */
  readonly size?: number;
  /** What it says its size within the archive is. */
  readonly packedSize?: number;
  readonly extra?: Uint8Array;
  /** In the directory, in the place of where its header stands. */
  readonly offset?: number;
  /** Not in the directory. */
  readonly isUnlisted?: boolean;
  /** Behind its content. */
  readonly descriptor?: Uint8Array;
}
export interface ZipOptions {
  readonly comment?: Content;
  /** In front of it, not counted by its offsets. */
  readonly before?: Content;
  /** How many members the end says there are. */
  readonly count?: number;
  /** 64-bit fields and records. */
  readonly zip64?: boolean;
}

const octetsOf = (content: Content): Bytes =>
  typeof content === "string" ? utf8Encode(content) : new Uint8Array(content);

/** Little-endian numbers: `[value, octets]`. */
function fields(...numbers: readonly (readonly [value: number, octets: number])[]): Bytes {
  return Uint8Array.from(
    numbers.flatMap(([value, octets]) => Array.from({ length: octets }, (_, i) => Math.floor(value / 256 ** i) % 256)),
  );
}

export function zip(
  members: { readonly [name: string]: Content } | readonly ZipMember[],
  options: ZipOptions = {},
): Bytes {
  const list: readonly ZipMember[] = Array.isArray(members)
    ? members
    : Object.entries(members as { [name: string]: Content }).map(([name, content]) => ({ name, content }));
  const bodies: Bytes[] = [];
  const directory: Bytes[] = [];
  let at = 0;
  for (const member of list) {
    const content = octetsOf(member.content ?? "");
    const { method = 8, flags = 0x800 } = member;
    const packed = method === 8 ? new Uint8Array(deflateSync(content)) : content;
    const name = octetsOf(member.name);
    const localName = octetsOf(member.localName ?? member.name);
    const [packedSize, size] = [member.packedSize ?? packed.length, member.size ?? content.length];
    const { zip64 = false } = options;
    const large = zip64
      ? fields([1, 2], [24, 2], [size, 8], [packedSize, 8], [member.offset ?? at, 8])
      : new Uint8Array(0);
    const extra = concat([large, member.extra ?? new Uint8Array(0)]);
    const sizes = zip64 ? [[0xffffffff, 4], [0xffffffff, 4]] as const : [[packedSize, 4], [size, 4]] as const;
    const common = [[flags, 2], [method, 2], [0, 4], [0, 4], ...sizes] as const;
    const local = concat([
      fields([0x04034b50, 4], [20, 2], ...common, [localName.length, 2], [0, 2]),
      localName,
      packed,
      member.descriptor ?? new Uint8Array(0),
    ]);
    if (!member.isUnlisted) {
      directory.push(
        concat([
          fields([0x02014b50, 4], [20, 2], [20, 2], ...common, [name.length, 2], [extra.length, 2], [0, 2]),
          fields([0, 2], [0, 2], [0, 4], [zip64 ? 0xffffffff : member.offset ?? at, 4]),
          name,
          extra,
        ]),
      );
    }
    bodies.push(local);
    at += local.length;
  }
  const table = concat(directory);
  const count = options.count ?? directory.length;
  const comment = octetsOf(options.comment ?? "");
  const large = options.zip64
    ? concat([
      fields([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8], [table.length, 8], [
        at,
        8,
      ]),
      fields([0x07064b50, 4], [0, 4], [at + table.length, 8], [1, 4]),
    ])
    : new Uint8Array(0);
  const [short, long] = options.zip64 ? [0xffff, 0xffffffff] : [undefined, undefined];
  return concat([
    octetsOf(options.before ?? ""),
    ...bodies,
    table,
    large,
    fields([0x06054b50, 4], [0, 2], [0, 2], [short ?? count, 2], [short ?? count, 2]),
    fields([long ?? table.length, 4], [long ?? at, 4], [comment.length, 2]),
    comment,
  ]);
}

export interface TarMember {
  readonly name: string;
  readonly content?: Content;
  /** Default "0", a file. */
  readonly type?: string;
  readonly prefix?: string;
  /** As it stands in the header; default the content's. */
  readonly size?: string;
}

/** Two blocks of zeros end it, unless `endless`. */
export function tar(
  members: { readonly [name: string]: Content } | readonly TarMember[],
  { endless = false }: { readonly endless?: boolean } = {},
): Bytes {
  const list: readonly TarMember[] = Array.isArray(members)
    ? members
    : Object.entries(members as { [name: string]: Content }).map(([name, content]) => ({ name, content }));
  const parts = list.flatMap((member) => {
    const content = octetsOf(member.content ?? "");
    const head = new Uint8Array(512);
    const put = (text: string, at: number) => head.set(octetsOf(text), at);
    put(member.name.slice(0, 100), 0);
    put("0000644\0", 100);
    put(member.size ?? content.length.toString(8).padStart(11, "0"), 124);
    put(member.type ?? "0", 156);
    put("ustar\x0000", 257);
    put(member.prefix ?? "", 345);
    put("        ", 148);
    put(`${head.reduce((sum, octet) => sum + octet, 0).toString(8).padStart(6, "0")}\0 `, 148);
    return [head, content, new Uint8Array((512 - content.length % 512) % 512)];
  });
  return concat([...parts, new Uint8Array(endless ? 0 : 1024)]);
}

/** A pax header for the member that follows. */
export function pax(values: { readonly [key: string]: string }): TarMember {
  const records = Object.entries(values).map(([key, value]) => {
    const rest = octetsOf(` ${key}=${value}\n`).length;
    let length = rest + 1;
    while (String(length).length + rest !== length) length++;
    return `${length} ${key}=${value}\n`;
  });
  return { name: "PaxHeaders/x", type: "x", content: records.join("") };
}

export function gzip(content: Content, filename?: string): Bytes {
  return new Uint8Array(gzipSync(octetsOf(content), filename === undefined ? {} : { filename }));
}
