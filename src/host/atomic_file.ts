/**
 * A file that is whole at every moment: written beside, synced, renamed into place, and the folder synced.
 *
 * When it resolves the new content survives a crash. When it rejects nothing is left beside it, and the old file stands as it was; only where
 * the folder could not be synced at the last, the new one stands in its place and a crash may bring the old one back.
 */
import type { Host } from "./types.ts";

type Disk = Pick<Host, "openSync" | "renameSync" | "removeSync" | "pid">;
let made = 0;

/** `mode` is the new file's, default 0o644 before the umask. */
export async function writeAtomically(host: Disk, path: string, data: Uint8Array, mode = 0o644): Promise<void> {
  const slash = path.lastIndexOf("/");
  const folder = slash < 0 ? "." : path.slice(0, slash) || "/";
  // Hidden, and its own: two writers never meet in one temporary file.
  const beside = `${slash < 0 ? "" : path.slice(0, slash + 1)}.${path.slice(slash + 1)}.${host.pid}-${made++}.tmp`;
  try {
    const file = host.openSync(beside, { write: true, createNew: true, mode });
    try {
      for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
      await file.sync();
    } finally {
      file.close();
    }
    host.renameSync(beside, path);
  } catch (reason) {
    try {
      host.removeSync(beside);
    } catch {
      // It was never made, or has its new name already.
    }
    throw reason;
  }
  const opened = host.openSync(folder, { read: true });
  try {
    await opened.sync();
  } finally {
    opened.close();
  }
}
