/** `kasi -o`: sets the plugins up without listening and prints per hook who runs when. */
import { createLogging } from "../log/logging.ts";
import type { Machine } from "../host/types.ts";
import type { HookOrder } from "../hooks/hook_runner.ts";
import { rehearse } from "../server/rehearsal.ts";
import type { Terminal } from "./terminal.ts";

export async function order(
  action: { readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const log = createLogging({ clock: machine.clock, sinks: [] }).root;
  const rehearsal = await rehearse({
    machine,
    log,
    setUp: true,
    ...(action.site === undefined ? {} : { site: action.site }),
  });
  try {
    return out.say(orderTable(rehearsal.hooks.order()));
  } finally {
    await rehearsal.stop();
  }
}

/** Columns 35, 35, 4 and 3 wide, as Haraka prints them. */
export function orderTable(rows: readonly HookOrder[]): string {
  const line = (...cells: string[]) =>
    [cells[0]!.padEnd(35), cells[1]!.padEnd(35), cells[2]!.padStart(4), cells[3]!.padStart(3)].join(" ");
  const rule = "-".repeat(80);
  const out = [line("Plugin", "Hook", "Prio", "T/O")];
  let hook = "";
  for (const row of rows) {
    if (row.hook !== hook) out.push(rule);
    hook = row.hook;
    out.push(line(row.plugin, row.hook, String(row.priority), String(row.timeoutMs / 1000)));
  }
  return out.join("\n");
}
