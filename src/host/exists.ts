/** Whether something lies at a path, a link that leads nowhere included. Other faults of the disk come out. */
import type { Host } from "./types.ts";

export function exists(host: Pick<Host, "lstatSync" | "errors">, path: string): boolean {
  try {
    host.lstatSync(path);
    return true;
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) return false;
    throw cause;
  }
}
