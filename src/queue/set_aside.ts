/** Copies what cannot be read to `corrupt/`, and says so in the log: nothing damaged is ever thrown away. */
import { equalBytes } from "../base/bytes.ts";
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
  const name = `${dir}/corrupt/${what.segment.replace(/\.log$/, "")}-${what.offset}`;
  let kept = `${name}.bin`;
  // Segments' numbers begin anew when a queue has run empty: another one's damage may lie under this name.
  for (let n = 2, held = contentOf(host, kept); held !== undefined; held = contentOf(host, kept)) {
    if (equalBytes(held, bytes)) return kept;
    kept = `${name}-${n++}.bin`;
  }
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

function contentOf(host: Host, path: string): Uint8Array | undefined {
  try {
    return host.readFileSync(path);
  } catch {
    return undefined;
  }
}
