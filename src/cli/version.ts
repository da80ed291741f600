/** `kasi -v`: name, version, and the commit when it runs from a checkout. */
import type { Machine } from "../host/types.ts";
import { shippedPath } from "../server/site.ts";
import { VERSION } from "../version.ts";
import type { Terminal } from "./terminal.ts";

export function version(_action: unknown, { machine, out }: { machine: Machine; out: Terminal }): number {
  const commit = commitOf((name) => {
    try {
      return machine.host.readTextFileSync(shippedPath(`.git/${name}`));
    } catch {
      return undefined; // no checkout, or one whose files we may not read
    }
  });
  return out.say(`Kasi — Version: ${VERSION}${commit === undefined ? "" : ` (git ${commit.slice(0, 12)})`}`);
}

/** `read`: a file below `.git`. */
export function commitOf(read: (name: string) => string | undefined): string | undefined {
  const head = read("HEAD")?.trim();
  const ref = /^ref: (\S+)$/.exec(head ?? "")?.[1];
  if (ref === undefined) return isCommit(head) ? head : undefined;
  const loose = read(ref)?.trim();
  if (isCommit(loose)) return loose;
  const packed = read("packed-refs")?.split("\n").find((line) => line.endsWith(` ${ref}`))?.split(" ")[0];
  return isCommit(packed) ? packed : undefined;
}

function isCommit(text: string | undefined): boolean {
  return text !== undefined && /^[0-9a-f]{40,64}$/.test(text);
}
