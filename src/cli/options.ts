/**
 * The command line as data: every option and command with its prose, from which both the parser and `kasi -h` work.
 *
 * `parseCommandLine` never throws; what it can't read is an `unknown` with a sentence.
 */
import { chooseQueue, QUEUE_COMMANDS, QUEUE_OPTIONS, type QueueAction } from "./queue_options.ts";
import { chooseSites, SITES_COMMANDS, SITES_OPTIONS, type SitesAction } from "./sites_options.ts";
import { chooseTool, TOOL_COMMANDS, TOOL_OPTIONS, type ToolAction } from "./tool_options.ts";

export type Action =
  | { readonly do: "start"; readonly site?: string }
  | { readonly do: "version" }
  | { readonly do: "help"; readonly topic?: string; readonly site?: string }
  | { readonly do: "install"; readonly dir: string; readonly force: boolean }
  | { readonly do: "list"; readonly site?: string }
  | { readonly do: "order"; readonly site?: string }
  | { readonly do: "check"; readonly site?: string }
  | QueueAction
  | SitesAction
  | ControlAction
  | ToolAction
  | {
    readonly do: "dkim";
    readonly verb: "keygen";
    readonly domain: string;
    readonly kind: "rsa" | "ed25519";
    readonly force: boolean;
    readonly site?: string;
  }
  | { readonly do: "dkim"; readonly verb: "verify"; readonly file?: string }
  | Unknown;

export interface Unknown {
  readonly do: "unknown";
  readonly reason: string;
  /** The command whose forms and options are shown; all of them without it. */
  readonly of?: "queue";
}

export interface ControlAction {
  readonly do: "control";
  readonly verb: "qlist" | "qstat" | "qunstick" | "graceful" | "status" | "stop";
  readonly site?: string;
  readonly domain?: string;
  readonly json: boolean;
  /** Let through what reading the configuration has to say. */
  readonly verbose: boolean;
}

interface Option {
  /** Haraka's queue options have none. */
  readonly short?: string;
  readonly long: string;
  /** Name of its value; in brackets when it may be left out. */
  readonly takes?: string;
  readonly about: string;
}

export const OPTIONS = {
  version: { short: "-v", long: "--version", about: "print name and version" },
  help: {
    short: "-h",
    long: "--help",
    takes: "[NAME]",
    about: "print this, or the manual page of a plugin, hook or config file",
  },
  configs: { short: "-c", long: "--configs", takes: "DIR", about: "work with the site directory DIR" },
  install: {
    short: "-i",
    long: "--install",
    takes: "DIR",
    about: "make a site directory DIR; existing files are kept",
  },
  force: { short: "-f", long: "--force", about: "with -i and dkim keygen: overwrite the files they make" },
  list: { short: "-l", long: "--list", about: "list the plugins there are" },
  order: { short: "-o", long: "--order", about: "load the plugins and print in which order each hook runs" },
  json: { short: "-j", long: "--json", about: "with queue and status: print JSON, one object a line" },
  qlist: { long: "--qlist", about: "list queued mail of the site given by -c, in Haraka's form" },
  qstat: { long: "--qstat", about: "print the site's queue directory and how many items it holds" },
  qunstick: { long: "--qunstick", takes: "[DOMAIN]", about: "make the running server try waiting mail now" },
  qempty: { long: "--qempty", about: "not offered, as in Haraka" },
  graceful: { long: "--graceful", about: "replace the workers of the running server one by one" },
  verbose: { long: "--verbose", about: "with the options above: log to standard error" },
  ...QUEUE_OPTIONS,
  ...SITES_OPTIONS,
  ...TOOL_OPTIONS,
} as const satisfies { readonly [name: string]: Option };
type OptionName = keyof typeof OPTIONS;

export const COMMANDS: readonly { readonly form: string; readonly about: string }[] = [
  { form: "", about: "serve with the shipped configuration; everything written goes below ./data" },
  { form: "-c DIR", about: "serve the site directory DIR" },
  { form: "check [-c DIR]", about: "read the whole configuration and print every fault with file and line" },
  ...QUEUE_COMMANDS,
  ...SITES_COMMANDS,
  { form: "status [-c DIR]", about: "what the running server is at" },
  { form: "restart [-c DIR]", about: "replace the workers of the running server one by one" },
  { form: "stop [-c DIR]", about: "make the running server end in good order" },
  {
    form: "dkim keygen DOMAIN [ed25519]",
    about: "make a key to sign with, and the record to publish; with -c DIR for that site",
  },
  { form: "dkim verify [FILE]", about: "verify the signatures of a message, from standard input without FILE" },
  ...TOOL_COMMANDS,
];

/** All there is, or what there is of one command. */
export function usage(program: string, of?: "queue"): string {
  const shown = of === undefined ? COMMANDS : QUEUE_COMMANDS;
  const commands = shown.map(({ form, about }) => `  ${`${program} ${form}`.padEnd(36)} ${about}`);
  const options = Object.values(of === undefined ? OPTIONS : QUEUE_OPTIONS).map((option: Option) =>
    `  ${
      `${option.short === undefined ? "   " : `${option.short},`} ${option.long}${
        option.takes === undefined ? "" : ` ${option.takes}`
      }`.padEnd(36)
    } ${option.about}`
  );
  return ["Usage:", ...commands, "", "Options:", ...options, ""].join("\n");
}

const BY_NAME = new Map<string, OptionName>(
  (Object.keys(OPTIONS) as OptionName[]).flatMap((name) => {
    const { short, long }: Option = OPTIONS[name];
    return [short, long].filter((word) => word !== undefined).map((word) => [word, name] as const);
  }),
);

export function parseCommandLine(args: readonly string[]): Action {
  const given = new Map<OptionName, string | undefined>();
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [word, inline] = splitInline(args[i]!);
    // A `-` by itself is standard input.
    if (!word.startsWith("-") || word === "-") {
      words.push(args[i]!);
      continue;
    }
    const name = BY_NAME.get(word);
    if (name === undefined) return { do: "unknown", reason: `Unknown option ${word}` };
    const option: Option = OPTIONS[name];
    if (option.takes === undefined) {
      given.set(name, undefined);
      continue;
    }
    const next = args[i + 1];
    const value = inline ?? (next !== undefined && !next.startsWith("-") ? args[++i] : undefined);
    if (value === undefined && !option.takes.startsWith("[")) {
      return { do: "unknown", reason: `${word} wants ${option.takes}` };
    }
    given.set(name, value);
  }
  return choose(given, words);
}

function splitInline(word: string): [string, string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function choose(given: Map<OptionName, string | undefined>, words: readonly string[]): Action {
  const dir = given.get("configs");
  const site = dir === undefined ? {} : { site: dir };
  if (given.has("version")) return { do: "version" };
  if (given.has("help")) {
    const topic = given.get("help") ?? words[0];
    return { do: "help", ...site, ...(topic === undefined ? {} : { topic }) };
  }
  const install = given.get("install");
  if (install !== undefined) return { do: "install", dir: install, force: given.has("force") };
  if (given.has("list")) return { do: "list", ...site };
  if (given.has("order")) return { do: "order", ...site };
  const control = chooseControl(given) ?? chooseTool(given, words, site);
  if (control !== undefined) return control;
  const [command, verb, argument, ...more] = words;
  if (command === undefined) return { do: "start", ...site };
  const told = SERVER_COMMANDS.get(command);
  if (told !== undefined && verb === undefined) {
    return { do: "control", verb: told, json: given.has("json"), verbose: given.has("verbose"), ...site };
  }
  if (command === "check" && verb === undefined) return { do: "check", ...site };
  if (command === "sites") return chooseSites(given, words.slice(1), site);
  if (command === "queue") return chooseQueue(given, words.slice(1), site);
  if (command === "dkim" && more.length <= 1) return chooseDkim(verb, argument, more[0], given.has("force"), site);
  return { do: "unknown", reason: `Unknown command ${words.join(" ")}` };
}

const CONTROLS = ["qlist", "qstat", "qunstick", "graceful"] as const;
const SERVER_COMMANDS: ReadonlyMap<string, ControlAction["verb"]> = new Map([
  ["status", "status"],
  ["restart", "graceful"],
  ["stop", "stop"],
]);

/** Haraka's options for the queue and the workers; unlike our commands they want a site. */
function chooseControl(given: Map<OptionName, string | undefined>): Action | undefined {
  if (given.has("qempty")) return { do: "unknown", reason: "qempty is unimplemented" };
  const verb = CONTROLS.find((name) => given.has(name));
  if (verb === undefined) return undefined;
  const site = given.get("configs");
  if (site === undefined) return { do: "unknown", reason: `${verb} option requires config path` };
  const domain = given.get(verb);
  return {
    do: "control",
    verb,
    site,
    json: given.has("json"),
    verbose: given.has("verbose"),
    ...(domain === undefined ? {} : { domain }),
  };
}

function chooseDkim(
  verb: string | undefined,
  argument: string | undefined,
  kind: string | undefined,
  force: boolean,
  site: { readonly site?: string },
): Action {
  if (verb === "verify" && kind === undefined) {
    return { do: "dkim", verb, ...(argument === undefined ? {} : { file: argument }) };
  }
  if (verb !== "keygen") return { do: "unknown", reason: "dkim wants one of keygen, verify" };
  if (argument === undefined) return { do: "unknown", reason: "dkim keygen wants the DOMAIN to sign for" };
  if (kind !== undefined && kind !== "rsa" && kind !== "ed25519") {
    return { do: "unknown", reason: "dkim keygen makes one of rsa, ed25519" };
  }
  return { do: "dkim", verb, domain: argument, kind: kind ?? "rsa", force, ...site };
}
