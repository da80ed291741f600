/** Copies what cannot be read to `corrupt/`, and says so in the log: nothing damaged is ever thrown away. */
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

export interface Aside {
  /** Name of the segment or file. */
  readonly segment: string;
  readonly offset: number;
  readonly reason: string;
}

/** The copy's path; "" when even that could not be written. Damage that was set aside before is passed over in silence. */
export function setAside(host: Host, dir: string, log: Logger, what: Aside, bytes: Uint8Array): string {
  const kept = `${dir}/corrupt/${what.segment.replace(/\.log$/, "")}-${what.offset}.bin`;
  if (sizeOf(host, kept) === bytes.length) return kept;
  let path = kept;
  try {
    host.mkdirSync(`${dir}/corrupt`, { recursive: true });
    host.writeFileSync(kept, bytes);
  } catch (error) {
    path = "";
    log.error(`Cannot keep a copy of damaged octets: ${error instanceof Error ? error.message : error}`, {
      file: kept,
    });
  }
  log.event("queue_corrupt", { ...what, length: bytes.length, kept: path });
  return path;
}

function sizeOf(host: Host, path: string): number {
  try {
    return host.statSync(path).size;
  } catch {
    return -1;
  }
}
