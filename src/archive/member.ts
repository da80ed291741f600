/** What archives hold, whatever their format. */
import { type Bytes, latin1Decode } from "../base/bytes.ts";

export interface Member {
  /** As it stands there; several when the archive contradicts itself, and readers differ in which they go by. */
  readonly names: readonly string[];
  readonly isEncrypted: boolean;
  /** Opening it means to decompress what lies in front of it: worth while only for what is named an archive. */
  readonly isCostly?: true;
  /** Its octets, decompressed; absent for what has none, and what is encrypted. Throws an `ArchiveFault` while it is read. */
  readonly open?: () => AsyncIterable<Bytes>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 where it is that, else each octet a character: old archivers wrote what their system had, and only ASCII tells us something. */
export function textOf(octets: Uint8Array): string {
  try {
    return utf8.decode(octets);
  } catch {
    return latin1Decode(octets);
  }
}
