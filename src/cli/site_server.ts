/**
 * The site that a command speaks of: where its queue lies, and the way to the server that runs on it.
 *
 * {@linkcode SiteServer.ask} gives undefined when no server runs. It throws {@linkcode Refused} when the server says no, or may not be asked.
 */
import { loadCoreSettings } from "../config/core_settings.ts";
import type { ServerSettings } from "../config/core_types.ts";
import { createConfig } from "../config/config.ts";
import { exists } from "../host/exists.ts";
import { askSocket } from "../host/http_client.ts";
import type { Machine } from "../host/types.ts";
import { createLogging } from "../log/logging.ts";
import { StdoutHandler } from "../log/stdout_handler.ts";
import { controlPath } from "../server/control.ts";
import { CONTROL_VERBS, type ControlPath } from "../server/control_verbs.ts";
import { absoluteIn, findSite, type Site } from "../server/site.ts";
import type { Terminal } from "./terminal.ts";

/** Arguments of a verb; an array for one that is given more than once. */
export interface Given {
  readonly [name: string]: string | readonly string[] | undefined;
}

export interface SiteServer {
  readonly queueDir: string;
  readonly settings: ServerSettings;
  /** What the verb gives: a value, or an array for a list. */
  ask(verb: ControlPath, given?: Given): Promise<unknown>;
}

/** One line on standard error and exit code 1. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** Throws ConfigError, and what `findSite` does. `verbose`: what reading the configuration has to say goes to standard error. */
export async function siteSettings(
  { host, clock }: Machine,
  options: { readonly site?: string; readonly verbose?: boolean },
): Promise<{ readonly site: Site; readonly settings: ServerSettings; readonly queueDir: string }> {
  const site = findSite(host, options.site);
  const sinks = options.verbose ? [new StdoutHandler(host.stderr, clock)] : [];
  const logging = createLogging({ clock, sinks, level: "INFO" });
  const config = createConfig({ host, clock, dir: site.configDir, log: logging.root, watch: false });
  try {
    const core = await loadCoreSettings(config);
    const settings = core.server.value;
    core.close();
    return { site, settings, queueDir: absoluteIn(site.dataDir, settings.queueDir ?? "queue") };
  } finally {
    config.close();
    logging.flush();
  }
}

/** Throws as {@linkcode siteSettings} does. */
export async function siteServer(
  machine: Machine,
  options: { readonly site?: string; readonly verbose?: boolean },
): Promise<SiteServer> {
  const { host } = machine;
  const { site, settings, queueDir } = await siteSettings(machine, options);
  const path = controlPath(site.dataDir);
  return {
    queueDir,
    settings,
    async ask(verb, given = {}) {
      if (!exists(host, path)) return undefined;
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(given)) {
        for (const each of typeof value === "string" ? [value] : value ?? []) query.append(name, each);
      }
      const { method } = CONTROL_VERBS[verb];
      const answer = await askSocket(path, { method, target: `${verb}${query.size === 0 ? "" : `?${query}`}` });
      if (answer.kind === "absent") return undefined;
      if (answer.kind === "denied") {
        throw new Refused(`${path}: permission denied; only the server's own user and root may command it`);
      }
      const values: unknown[] = [];
      for await (const value of jsonLines(answer.body)) values.push(value);
      if (answer.status === 200) return LISTS.has(verb) ? values : values[0];
      throw new Refused(`The server refused: ${(values[0] as { error?: string } | undefined)?.error ?? answer.status}`);
    },
  };
}

/** Verbs that give a list. */
const LISTS: ReadonlySet<ControlPath> = new Set(["/queue", "/queue/trace", "/queue/import", "/sites"]);

export function noServer(out: Terminal, server: SiteServer): 1 {
  out.complain(`No server is running on ${server.queueDir}`);
  return 1;
}

export const nowTried = (items: number) => `The server tries ${items} waiting item${items === 1 ? "" : "s"} now`;

/** Values parted by line feeds; a line may come in pieces. */
async function* jsonLines(body: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const pieces = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = pieces.pop()!;
    for (const piece of pieces) if (piece !== "") yield JSON.parse(piece);
  }
  if (rest !== "") yield JSON.parse(rest);
}
