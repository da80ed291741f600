/**
 * Directories that are there after a crash: a new one's name is only safe once the directory it lies in is synced, and so are those above it
 * that are new, too, or were made by a process that died before it had seen to that.
 */
import type { Host } from "../host/types.ts";
import { syncDirectory } from "./segment.ts";

const UNABLE = /EINVAL|ENOTSUP|EOPNOTSUPP|invalid argument|not supported/i;

/** Makes a directory, and those above it that are missing, for nobody else to read. Rejects with what the host throws. */
export async function makeDirectory(host: Host, path: string): Promise<void> {
  const made = new Set<string>();
  for (let at = path; at !== "" && !isThere(host, at); at = above(at)) made.add(at);
  if (made.size > 0) host.mkdirSync(path, { recursive: true, mode: 0o700 });
  for (let at = path; at !== ""; at = above(at)) {
    try {
      await syncDirectory(host, above(at) || "/");
    } catch (cause) {
      // Some file systems sync no directory, and another's may not let us; what lies in that has been there for longer than we have.
      if (made.has(at) && !(cause instanceof Error && UNABLE.test(cause.message))) throw cause;
    }
  }
}

function isThere(host: Host, path: string): boolean {
  try {
    return host.statSync(path).isDirectory;
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) return false;
    throw cause;
  }
}

function above(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
