/** `kasi -h` and `kasi -h NAME`: the usage, or a page of the manual; a site's own pages come first. */
import type { Host, Machine } from "../host/types.ts";
import { shippedPath } from "../server/site.ts";
import { usage } from "./options.ts";
import type { Terminal } from "./terminal.ts";

export function help(
  action: { readonly topic?: string; readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): number {
  const { topic, site } = action;
  if (topic === undefined) return out.say(usage("kasi"));
  const page = pagePaths(topic, site).map((path) => read(machine.host, path)).find((text) => text !== undefined);
  if (page !== undefined) return out.say(page);
  out.complain(`No documentation found for: ${topic}`);
  return 0;
}

/** In the order they are tried. A name is no path: it may go down (`queue/maildir`) but not up. */
function pagePaths(topic: string, site: string | undefined): string[] {
  const name = topic.replace(/\.md$/, "");
  if (name.split("/").includes("..") || name.startsWith("/")) return [];
  const own = site === undefined ? [] : [`${site}/docs/${name}.md`, `${site}/docs/plugins/${name}.md`];
  return [...own, ...["", "plugins/", "hooks/", "config/"].map((folder) => shippedPath(`docs/${folder}${name}.md`))];
}

function read(host: Host, path: string): string | undefined {
  try {
    return host.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) return undefined;
    throw cause;
  }
}
