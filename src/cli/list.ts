/** `kasi -l`: the plugins there are, shipped ones and, with `-c`, the site's own. */
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
    lines.push("", "*local*", ...localPlugins(machine.host, `${action.site}/plugins`).map((name) => `  ${name}`));
  }
  return out.say(lines.join("\n"));
}

function localPlugins(host: Host, dir: string, prefix = ""): string[] {
  const names: string[] = [];
  for (const entry of host.readDirSync(dir)) {
    if (entry.isDirectory) names.push(...localPlugins(host, `${dir}/${entry.name}`, `${prefix}${entry.name}/`));
    else if (/\.(ts|js|mjs)$/.test(entry.name)) names.push(prefix + entry.name.replace(/\.\w+$/, ""));
  }
  return names.sort();
}
