/** Which format octets are in, by how they begin, and what is made of each. */
import type { Bytes } from "../base/bytes.ts";
import { bunzip2 } from "./bunzip2.ts";
import type { ByteReader, ByteReaderOptions } from "./byte_reader.ts";
import { ArchiveFault } from "./fault.ts";
import { gunzip, gzipName } from "./inflate.ts";
import type { Member } from "./member.ts";
import type { Octets } from "./octets.ts";
import { rarMembers } from "./rar.ts";
import { sevenZipMembers } from "./seven_zip.ts";
import { isTar, tarMembers } from "./tar.ts";
import { uncompress } from "./uncompress.ts";
import { unxz } from "./xz.ts";
import { zipMembers } from "./zip.ts";

export type Format =
  /** Its members in one pass. */
  | { readonly kind: "stream"; readonly name: string; members(reader: ByteReader): AsyncIterable<Member> }
  /** Its members by a table that may stand anywhere. */
  | {
    readonly kind: "table";
    readonly name: string;
    members(octets: Octets, reading: ByteReaderOptions): AsyncIterable<Member>;
  }
  /** One file, compressed. `fileName`: its name, where that is told. */
  | {
    readonly kind: "packed";
    readonly name: string;
    decode(octets: AsyncIterable<Bytes>): AsyncIterable<Bytes>;
    fileName?(reader: ByteReader): Promise<string | undefined>;
  }
  /** Known, but not read. */
  | { readonly kind: "closed"; readonly name: string };

/** Octets of a beginning that {@linkcode formatOf} wants to see. */
export const BEGINNING = 512;

export const ZIP: Format = { kind: "table", name: "zip", members: zipMembers };
const TAR: Format = { kind: "stream", name: "tar", members: tarMembers };

/** Hexadecimal beginning → format. */
const BEGINNINGS: readonly (readonly [beginning: string, format: Format])[] = [
  ["504b0304", ZIP],
  ["504b0506", ZIP],
  ["504b0708", ZIP],
  ["504b3030504b0304", ZIP],
  ["1f8b08", { kind: "packed", name: "gzip", decode: gunzip, fileName: gzipName }],
  ["425a68", { kind: "packed", name: "bzip2", decode: bunzip2 }],
  ["fd377a585a00", { kind: "packed", name: "xz", decode: unxz }],
  ["1f9d", { kind: "packed", name: "compress", decode: uncompress }],
  ["28b52ffd", { kind: "closed", name: "zstd" }],
  ["4c5a4950", { kind: "closed", name: "lzip" }],
  ["377abcaf271c", { kind: "table", name: "7z", members: sevenZipMembers }],
  ["526172211a07", { kind: "stream", name: "rar", members: rarMembers }],
  ["4d534346", { kind: "closed", name: "cab" }],
];

/** Undefined for what is no archive that we know. */
export function formatOf(head: Bytes): Format | undefined {
  const hex = Array.from(head.subarray(0, 8), (octet) => octet.toString(16).padStart(2, "0")).join("");
  return BEGINNINGS.find(([beginning]) => hex.startsWith(beginning))?.[1] ?? (isTar(head) ? TAR : undefined);
}

/** What can be thrown where a format is only known. */
export function unread(format: string): ArchiveFault {
  return new ArchiveFault("unknown", `is of a format that is not read (${format})`);
}
