/**
 * The operator's suspensions on the disk: a small file, written whole and put in place by a rename. A file that can't be read is logged and counts as
 * empty; one that can't be written is logged, and the suspension holds until the process ends.
 */
import { utf8Decode, utf8Encode } from "../../base/bytes.ts";
import type { Host } from "../../host/types.ts";
import type { Logger } from "../../log/types.ts";
import type { Suspension } from "./site_state.ts";

export interface SuspensionFile {
  read(): Map<string, Suspension>;
  write(suspensions: ReadonlyMap<string, Suspension>): void;
}

/** `writer` keeps apart those who write the same file at one time. */
export function suspensionFile(host: Host, path: string, log: Logger, writer: string): SuspensionFile {
  return {
    read() {
      try {
        return parse(JSON.parse(utf8Decode(host.readFileSync(path))));
      } catch (cause) {
        if (!(cause instanceof host.errors.NotFound)) {
          log.error(`Cannot read which sites are suspended: ${textOf(cause)}; they are not`, { file: path });
        }
        return new Map();
      }
    },
    write(suspensions) {
      const fresh = `${path}.new.${writer}`;
      try {
        host.writeFileSync(fresh, utf8Encode(`${JSON.stringify(Object.fromEntries(suspensions), null, 2)}\n`));
        host.renameSync(fresh, path);
      } catch (cause) {
        log.error(`Cannot keep which sites are suspended: ${textOf(cause)}; a restart will forget it`, { file: path });
      }
    },
  };
}

/** Throws for what is no such file; an entry that makes no sense is left out. */
function parse(json: unknown): Map<string, Suspension> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new TypeError("no object of sites");
  const found = new Map<string, Suspension>();
  for (const [name, value] of Object.entries(json as Record<string, Partial<Suspension> | null>)) {
    const { reason, since, until } = value ?? {};
    if (typeof reason !== "string" || typeof since !== "number") continue;
    if (until !== undefined && typeof until !== "number") continue;
    found.set(name, { reason, since, ...(until === undefined ? {} : { until }) });
  }
  return found;
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
