/** `kasi -h` and `kasi -h NAME`: the usage, or a page of the manual; a site's own pages come first, then the shipped ones, then what its packages say. */
import type { Host, Machine } from "../host/types.ts";
import { pluginName } from "../hooks/plugin_names.ts";
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

/** In the order they are tried; a retired plugin's page is its successor's. A name is no path: it may go down (`queue/maildir`) but not up. */
function pagePaths(topic: string, site: string | undefined): string[] {
  const given = topic.replace(/\.md$/, "");
  if (given.split("/").includes("..") || given.startsWith("/")) return [];
  const names = [...new Set([given, pluginName(given).name])];
  const at = (folders: readonly string[]) => names.flatMap((name) => folders.map((folder) => `${folder}${name}.md`));
  const own = site === undefined ? [] : at([`${site}/docs/`, `${site}/docs/plugins/`]);
  const shipped = at(["", "plugins/", "hooks/", "config/"].map((folder) => shippedPath(`docs/${folder}`)));
  const packages = site === undefined
    ? []
    : names.flatMap((name) => packageDirs(site, name).map((dir) => `${dir}/README.md`));
  return [...own, ...shipped, ...packages];
}

/** Where a plugin that is a package may lie. */
function packageDirs(site: string, name: string): string[] {
  return [`${site}/node_modules/haraka-plugin-${name}`, `${site}/plugins/${name}`, `${site}/node_modules/${name}`];
}

function read(host: Host, path: string): string | undefined {
  try {
    return host.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) return undefined;
    throw cause;
  }
}
