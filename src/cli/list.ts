/** `kasi -l`: the plugins there are, shipped ones and, with `-c`, the site's own and those of its npm packages. */
import { exists } from "../host/exists.ts";
import type { Host, Machine } from "../host/types.ts";
import { SHIPPED } from "../../plugins/shipped.ts";
import type { Terminal } from "./terminal.ts";

export async function list(
  action: { readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const lines = ["*global*"];
  for (const [name, load] of Object.entries(SHIPPED).sort()) {
    const { default: plugin } = await load() as { default?: { about?: string } };
    lines.push(`  ${name.padEnd(28)} ${plugin?.about ?? ""}`.trimEnd());
  }
  if (action.site !== undefined) {
    const own = `${action.site}/plugins`;
    const found = exists(machine.host, own) ? localPlugins(machine.host, own) : [];
    lines.push("", "*local*", ...found.map((name) => `  ${name}`));
    const packages = packagePlugins(machine.host, `${action.site}/node_modules`);
    if (packages.length > 0) {
      lines.push("", `NPM packages (${action.site}/node_modules)`, ...packages.map((name) => `  ${name}`));
    }
  }
  return out.say(lines.join("\n"));
}

function localPlugins(host: Host, dir: string, prefix = ""): string[] {
  const names: string[] = [];
  for (const entry of host.readDirSync(dir)) {
    if (entry.isDirectory && isPlugin(host, `${dir}/${entry.name}`)) names.push(prefix + entry.name);
    else if (entry.isDirectory) names.push(...localPlugins(host, `${dir}/${entry.name}`, `${prefix}${entry.name}/`));
    else if (/\.(ts|js|mjs)$/.test(entry.name)) names.push(prefix + entry.name.replace(/\.\w+$/, ""));
  }
  return names.sort();
}

/** A package, or a directory with a module: one plugin of its name. */
function isPlugin(host: Host, dir: string): boolean {
  return ["package.json", "mod.ts", "index.js"].some((file) => exists(host, `${dir}/${file}`));
}

function packagePlugins(host: Host, dir: string): string[] {
  if (!exists(host, dir)) return [];
  const prefix = "haraka-plugin-";
  return [...host.readDirSync(dir)].filter(({ name }) => name.startsWith(prefix))
    .map(({ name }) => name.slice(prefix.length)).sort();
}
