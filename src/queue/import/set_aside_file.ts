/**
 * Moves files to `imported/` below their directory, so that each is in one of the two at any moment, whatever a crash leaves of what was not synced:
 * it is linked there first.
 */
import type { Host } from "../../host/types.ts";
import { syncDirectory } from "../segment.ts";

export const IMPORTED = "imported";

/** The fault when not all could be moved; those that could be are moved. A file that is not there was moved before. Never rejects. */
export async function setAside(host: Host, dir: string, names: readonly string[]): Promise<Error | undefined> {
  const aside = `${dir}/${IMPORTED}`;
  try {
    host.mkdirSync(aside, { recursive: true, mode: 0o700 });
    await syncDirectory(host, dir);
    const there = names.filter((name) => isThere(host, `${dir}/${name}`));
    for (const name of there) link(host, `${dir}/${name}`, aside, name);
    await syncDirectory(host, aside);
    for (const name of there) if (isThere(host, `${dir}/${name}`)) host.removeSync(`${dir}/${name}`);
    await syncDirectory(host, dir);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause));
  }
}

function link(host: Host, path: string, aside: string, name: string): void {
  for (let n = 1;; n++) {
    const to = n === 1 ? `${aside}/${name}` : `${aside}/${name}-${n}`;
    try {
      return host.linkSync(path, to);
    } catch (cause) {
      if (!(cause instanceof host.errors.AlreadyExists)) {
        // A file system without links.
        return host.renameSync(path, to);
      }
      // Linked before a crash; else another file of this name, which stays.
      if (isSame(host, path, to)) return;
    }
  }
}

function isSame(host: Host, one: string, other: string): boolean {
  if (host.statSync(one).size !== host.statSync(other).size) return false;
  const [a, b] = [host.readFileSync(one), host.readFileSync(other)];
  return a.every((octet, i) => octet === b[i]);
}

export function isThere(host: Host, path: string): boolean {
  try {
    return host.statSync(path).isFile;
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) return false;
    throw cause;
  }
}
