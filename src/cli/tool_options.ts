/** Options and commands of the tools that look at a site or a log, for `options.ts`: `-p`, `-t` and its like, `grep`, `explain`, `passwd`. */

export type ToolAction =
  | { readonly do: "grep"; readonly address: string; readonly file?: string; readonly site?: string }
  | { readonly do: "explain"; readonly id: string; readonly file?: string; readonly site?: string }
  | { readonly do: "plugin_new"; readonly name: string; readonly force: boolean; readonly site?: string }
  | PasswdAction
  | TryAction;

export const PASSWORD_KINDS = ["argon2", "scrypt", "bcrypt", "scram"] as const;
export interface PasswdAction {
  readonly do: "passwd";
  /** Absent: what is made stands by itself. */
  readonly user?: string;
  readonly kind: typeof PASSWORD_KINDS[number];
  readonly site?: string;
}

/** `-t`: what the client shall be and say. */
export interface TryAction {
  readonly do: "try";
  /** `all`: those of `config/plugins`. */
  readonly plugins: readonly string[];
  readonly ip: string;
  readonly helo?: string;
  readonly ehlo: string;
  readonly from: string;
  readonly to: readonly string[];
  /** A file. */
  readonly message?: string;
  readonly dumpMime: boolean;
  readonly dumpStream: boolean;
  readonly relay: boolean;
  readonly skipDeny: boolean;
  readonly site?: string;
}

export const TOOL_OPTIONS = {
  plugin: { short: "-p", long: "--plugin", takes: "NAME", about: "as plugin new NAME" },
  test: {
    short: "-t",
    long: "--test",
    takes: "PLUGIN",
    about: "run one plugin (a,b: several; all: the site's) over a made-up mail",
  },
  ip: { long: "--ip", takes: "IP", about: "with -t: the client's address; 1.2.3.4 without it" },
  helo: { long: "--helo", takes: "NAME", about: "with -t: say HELO NAME" },
  ehlo: { long: "--ehlo", takes: "NAME", about: "with -t: say EHLO NAME; test.example.com without it" },
  envfrom: { long: "--envfrom", takes: "ADDRESS", about: "with -t: the sender; test@example.com without it" },
  envrcpt: {
    long: "--envrcpt",
    takes: "ADDRESS",
    about: "with -t: the recipient (a,b: several); test@example.com without it",
  },
  message: { long: "--message", takes: "FILE", about: "with -t: the message, in place of a made-up one" },
  dumpMime: { long: "--dump-mime", about: "with -t: print type and text of each part as it reaches the queue" },
  dumpStream: { long: "--dump-stream", about: "with -t: print the message as it reaches the queue" },
  setRelay: { long: "--set-relay", about: "with -t: the client may relay" },
  skipDeny: { long: "--skip-deny", about: "with -t: go on whatever is refused" },
} as const;
type ToolOption = keyof typeof TOOL_OPTIONS;

export const TOOL_COMMANDS: readonly { readonly form: string; readonly about: string }[] = [
  {
    form: "plugin new NAME -c DIR",
    about: "make a plugin with its page and its test; existing files are kept without -f",
  },
  {
    form: "grep ADDRESS [FILE]",
    about: "all log lines of each session that mentions an address; standard input without FILE",
  },
  {
    form: "explain ID [FILE]",
    about: "why the replies of a session were given, from the log; standard input without FILE",
  },
  {
    form: "passwd [USER [KIND]]",
    about: `a line for auth_flat_file.ini, of a password on standard input; KIND: ${PASSWORD_KINDS.join(", ")}`,
  },
];

export interface Given {
  has(option: ToolOption | "force"): boolean;
  get(option: ToolOption | "force"): string | undefined;
}
type Chosen = ToolAction | { readonly do: "unknown"; readonly reason: string };

/** undefined: none of these was asked for. */
export function chooseTool(
  given: Given,
  words: readonly string[],
  site: { readonly site?: string },
): Chosen | undefined {
  const unknown = (reason: string): Chosen => ({ do: "unknown", reason });
  const list = (text: string) => text.split(",").map((word) => word.trim()).filter((word) => word !== "");
  const tested = given.get("test");
  if (tested !== undefined) {
    if (site.site === undefined) return unknown("test option requires config path");
    const [helo, message] = [given.get("helo"), given.get("message")];
    return {
      do: "try",
      plugins: [...list(tested), ...words],
      ip: given.get("ip") ?? "1.2.3.4",
      ...(helo === undefined ? {} : { helo }),
      ehlo: given.get("ehlo") ?? "test.example.com",
      from: given.get("envfrom") ?? "test@example.com",
      to: list(given.get("envrcpt") ?? "test@example.com"),
      ...(message === undefined ? {} : { message }),
      dumpMime: given.has("dumpMime"),
      dumpStream: given.has("dumpStream"),
      relay: given.has("setRelay"),
      skipDeny: given.has("skipDeny"),
      ...site,
    };
  }
  const [command, first, second, ...more] = words;
  const name = given.get("plugin") ?? (command === "plugin" && first === "new" ? second ?? "" : undefined);
  if (name !== undefined) {
    if (name === "" || more.length > 0) return unknown("plugin new wants the NAME of the plugin");
    if (site.site === undefined) return unknown("plugin option requires config path");
    return { do: "plugin_new", name, force: given.has("force"), ...site };
  }
  if (command === "plugin") return unknown("plugin wants: new NAME");
  if (command === "passwd" && more.length === 0) {
    const kind = PASSWORD_KINDS.find((one) => one === (second ?? "argon2"));
    if (kind === undefined) return unknown(`passwd makes one of ${PASSWORD_KINDS.join(", ")}`);
    return { do: "passwd", ...(first === undefined ? {} : { user: first }), kind, ...site };
  }
  if ((command !== "grep" && command !== "explain") || more.length > 0) return undefined;
  if (first === undefined) {
    return unknown(
      command === "grep" ? "grep wants the ADDRESS to look for" : "explain wants the ID of a session or message",
    );
  }
  const file = second === undefined ? {} : { file: second };
  return command === "grep"
    ? { do: command, address: first, ...file, ...site }
    : { do: command, id: first, ...file, ...site };
}
