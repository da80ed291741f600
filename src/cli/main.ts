/** The command line: reads it, runs one action, ends with its exit code. `serve` keeps the process alive; everything else returns. */
import { ConfigError } from "../base/config_error.ts";
import { thisMachine } from "../host/machine.ts";
import type { Machine } from "../host/types.ts";
import { PluginError } from "../hooks/loader.ts";
import { WorkerError } from "../server/workers/pool.ts";
import { check } from "./check.ts";
import { control } from "./control.ts";
import { dkim } from "./dkim.ts";
import { explain } from "./explain.ts";
import { grep } from "./grep.ts";
import { help } from "./help.ts";
import { install } from "./install.ts";
import { list } from "./list.ts";
import { type Action, parseCommandLine, usage } from "./options.ts";
import { order } from "./order.ts";
import { passwd } from "./passwd.ts";
import { pluginNew } from "./plugin_new.ts";
import { type Terminal, terminal } from "./terminal.ts";
import { queue } from "./queue.ts";
import { Refused } from "./site_server.ts";
import { sites } from "./sites.ts";
import { start } from "./start.ts";
import { tryPlugin } from "./try_plugin.ts";
import { version } from "./version.ts";

/** Haraka's exit code for a command line or a configuration it can't work with. */
export const EXIT_USAGE = 255;

type Handler<D extends Action["do"]> = (
  action: Extract<Action, { do: D }>,
  at: { machine: Machine; out: Terminal },
) => number | Promise<number>;

const HANDLERS: { readonly [D in Action["do"]]: Handler<D> } = {
  start: (action, at) => start(action, at),
  version: (action, at) => version(action, at),
  help: (action, at) => help(action, at),
  install: (action, at) => install(action, at),
  list: (action, at) => list(action, at),
  order: (action, at) => order(action, at),
  check: (action, at) => check(action, at),
  queue: (action, at) => queue(action, at),
  sites: (action, at) => sites(action, at),
  control: (action, at) => control(action, at),
  dkim: (action, at) => dkim(action, at),
  grep: (action, at) => grep(action, at),
  explain: (action, at) => explain(action, at),
  passwd: (action, at) => passwd(action, at),
  plugin_new: (action, at) => pluginNew(action, at),
  try: (action, at) => tryPlugin(action, at),
  unknown({ reason, of }, { out }) {
    out.complain(reason);
    out.say(usage("kasi", of));
    return EXIT_USAGE;
  },
};

/** What needs no stack: it is said in a line that names what to mend. */
const SLIPS = [ConfigError, PluginError, Refused, WorkerError];

/** Runs one action; resolves to the exit code. An operator's slip is said in a line, without a stack. */
export async function runCommandLine(args: readonly string[], machine: Machine): Promise<number> {
  const out = terminal(machine.host);
  const action = inSite(parseCommandLine(args), machine);
  try {
    return await (HANDLERS[action.do] as Handler<Action["do"]>)(action as never, { machine, out });
  } catch (cause) {
    const slip = SLIPS.some((kind) => cause instanceof kind);
    out.complain(slip || !(cause instanceof Error) ? String((cause as Error).message ?? cause) : cause.message);
    if (!slip && cause instanceof TypeError) out.complain(cause.stack ?? "");
    return slip ? 1 : EXIT_USAGE;
  }
}

/** Without `-c` the environment may name the site directory, as Haraka's does (spec 01 §1): HARAKA_TEST_DIR, else HARAKA. */
function inSite(action: Action, { host: { env } }: Machine): Action {
  const dir = env.get("HARAKA_TEST_DIR") || env.get("HARAKA");
  return dir === undefined || dir === "" || "site" in action ? action : { ...action, site: dir } as Action;
}

/** What `mod.ts` calls when it is the program. */
export async function main(): Promise<void> {
  const machine = await thisMachine();
  const code = await runCommandLine(machine.host.args, machine);
  machine.host.exit(code);
}
