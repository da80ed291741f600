/**
 * Talks: dialogues as data (`tests/talks/*.talk`), played in memory and over real sockets.
 *
 *     # A comment
 *     hook rcpt ok                     a plugin of one hook: ok | deny | defer | hangup, [hangup] [code] [text]
 *     hook capabilities starttls       or: hook capabilities auth PLAIN LOGIN
 *     hook auth accepts tim secret     says ok to this user and password
 *     plugin limit                     a plugin of ours, asked before those hooks
 *     config limit.ini [errors]        a line of its configuration
 *     keep                             every recipient is welcome, every mail is kept
 *     set limits.lineLength 100        a setting, as JSON or as plain text; also: set extensions.dsn false
 *     remote 192.0.2.9                 also: local PORT, tls (from the first octet), certificate (STARTTLS can be had)
 *     C: EHLO me                       a line to the server, CRLF added; lines in a row leave in one write
 *     C> \x00raw\r\n                   octets, with the escapes \r \n \t \\ \xNN
 *     S: 250 *                         one line from the server; * stands for anything
 *     S= 250 OK*                       a whole reply: its code, and what its last line must be
 *     S.                               the server has ended
 *     C.                               the client ends its direction
 *     wait 2000                        milliseconds (only in memory)
 *     mails 1                          how many were taken so far
 *     mail text                        the last mail's octets, with the escapes above
 */
import { type Bytes, concat, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { defer, deny, hangUp, ok } from "../../src/hooks/verdict.ts";
import { SHIPPED } from "../../plugins/shipped.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import { FakeClock } from "./fake_clock.ts";
import { pluginHost } from "./plugin_host.ts";
import { FAKE_TLS, type KitOptions, sessionKit, type Taken, TalkClient } from "./session_kit.ts";

export type Turn =
  | { readonly kind: "send"; readonly bytes: Bytes }
  | { readonly kind: "line" | "reply"; readonly pattern: string }
  | { readonly kind: "ended" | "end" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "mails"; readonly count: number }
  | { readonly kind: "mail"; readonly text: string };

export interface Talk {
  /** Its first line, behind the `#`. */
  readonly title: string;
  readonly name: string;
  readonly options: KitOptions;
  /** Names of plugins of ours. */
  readonly plugins: readonly string[];
  /** Their configuration: file → text. */
  readonly files: { readonly [file: string]: string };
  readonly turns: readonly (Turn & { readonly at: number })[];
}

/** Throws a SyntaxError that names the line. */
export function parseTalk(name: string, text: string): Talk {
  const options: Record<string, unknown> & {
    hooks: Record<string, unknown>;
    settings: Record<string, unknown>;
    limits: Record<string, unknown>;
    extensions: Record<string, unknown>;
  } = {
    hooks: {},
    settings: {},
    limits: {},
    extensions: {},
  };
  const plugins: string[] = [];
  const files: Record<string, string> = {};
  const turns: (Turn & { at: number })[] = [];
  let at = 0;
  for (const line of text.split("\n")) {
    at++;
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, setUp, first = "", rest = ""] = /^(plugin|config) (\S+) ?(.*)$/.exec(line) ?? [];
    if (setUp === "plugin") plugins.push(first);
    if (setUp === "config") files[first] = `${files[first] ?? ""}${rest}\n`;
    if (setUp !== undefined) continue;
    const turn = turnOf(line);
    if (turn !== undefined) {
      const last = turns.at(-1);
      if (turn.kind === "send" && last?.kind === "send") {
        turns[turns.length - 1] = { ...last, bytes: concat([last.bytes, turn.bytes]) };
      } else turns.push({ ...turn, at });
    } else if (!directive(line, options)) {
      throw new SyntaxError(`${name}:${at}: cannot read ${JSON.stringify(line)}`);
    }
  }
  const title = /^#\s*(.*)/.exec(text)?.[1] ?? name;
  return { title, name, options: options as unknown as KitOptions, plugins, files, turns };
}

function turnOf(line: string): Turn | undefined {
  const rest = line.slice(2).replace(/^ /, "");
  switch (line.slice(0, 2)) {
    case "C:":
      return { kind: "send", bytes: utf8Encode(`${rest}\r\n`) };
    case "C>":
      return { kind: "send", bytes: latin1Encode(unescape(rest)) };
    case "C.":
      return { kind: "end" };
    case "S:":
      return { kind: "line", pattern: rest };
    case "S=":
      return { kind: "reply", pattern: rest };
    case "S.":
      return { kind: "ended" };
  }
  const [word, ...words] = line.split(" ");
  if (word === "wait") return { kind: "wait", ms: Number(words[0]) };
  if (word === "mails") return { kind: "mails", count: Number(words[0]) };
  if (word === "mail") return { kind: "mail", text: unescape(words.join(" ")) };
  return undefined;
}

function unescape(text: string): string {
  return text.replace(/\\(r|n|t|\\|x[0-9a-f]{2})/gi, (_, what: string) => {
    const plain = { r: "\r", n: "\n", t: "\t", "\\": "\\" }[what];
    return plain ?? String.fromCharCode(parseInt(what.slice(1), 16));
  });
}

function directive(
  line: string,
  options: {
    hooks: Record<string, unknown>;
    settings: Record<string, unknown>;
    limits: Record<string, unknown>;
    extensions: Record<string, unknown>;
    [key: string]: unknown;
  },
): boolean {
  const [word = "", first = "", ...rest] = line.trim().split(/ +/);
  switch (word) {
    case "keep":
      return options.keep = true;
    case "tls":
      options.tls = FAKE_TLS;
      return true;
    case "certificate":
      return options.canUpgrade = true;
    case "remote":
      options.remote = { transport: "tcp", hostname: first, port: 41_000 };
      return true;
    case "local":
      options.local = { transport: "tcp", hostname: "198.51.100.1", port: Number(first) };
      return true;
    case "set": {
      const [, group, key] = /^(?:(limits|extensions)\.)?(.*)$/.exec(first)!;
      options[(group ?? "settings") as "limits" | "extensions" | "settings"][key!] = valueOf(rest.join(" "));
      return true;
    }
    case "hook":
      options.hooks[first] = hookOf(first, rest);
      return options.hooks[first] !== undefined;
    default:
      return false;
  }
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function hookOf(name: string, [verb = "", ...words]: readonly string[]): unknown {
  if (name === "capabilities") {
    return ({ capabilities }: { capabilities: { auth: Set<string>; startTls: boolean; lines: string[] } }) => {
      if (verb === "starttls") capabilities.startTls = true;
      else if (verb === "auth") words.forEach((each) => capabilities.auth.add(each));
      else capabilities.lines.push([verb, ...words].join(" "));
    };
  }
  if (verb === "accepts") {
    const [user, password = ""] = words;
    return async ({ attempt }: { attempt: { user: string; matches(password: string): boolean | Promise<boolean> } }) =>
      attempt.user === user && await attempt.matches(password) ? ok() : deny();
  }
  if (verb === "relays") {
    return ({ session }: { session: { relaying: boolean } }) => {
      session.relaying = true;
      return name === "rcpt" ? ok() : undefined;
    };
  }
  const hang = words[0] === "hangup";
  const left = hang ? words.slice(1) : words;
  const code = /^[245]\d\d$/.test(left[0] ?? "") ? Number(left[0]) : undefined;
  const text = left.slice(code === undefined ? 0 : 1).join(" ");
  const parts = { ...(code === undefined ? {} : { code }), ...(hang ? { hangUp: true } : {}) };
  const verdicts: { readonly [verb: string]: () => unknown } = {
    ok: () => ok(text || undefined),
    deny: () => deny(text || undefined, parts),
    defer: () => defer(text || undefined, parts),
    hangup: () => hangUp(),
    nothing: () => undefined,
    throws: () => {
      throw new Error("a plugin's own mistake");
    },
  };
  return verdicts[verb];
}

/** What a talk is played against. */
export interface Stage {
  readonly client: TalkClient;
  /** Absent where it cannot be known. */
  readonly taken?: readonly Taken[];
  wait?(ms: number): Promise<void>;
}

export interface PlayOptions {
  /** Send octet by octet. */
  readonly split?: boolean;
}

/** Plays it; throws an Error that names the line where the server says something else. */
export async function playTalk(talk: Talk, stage: Stage, options: PlayOptions = {}): Promise<void> {
  const { client, taken } = stage;
  for (const turn of talk.turns) {
    const wrong = (wanted: string, came: string | undefined) =>
      new Error(`${talk.name}:${turn.at}: wanted ${wanted}, came ${JSON.stringify(came) ?? "the end"}`);
    switch (turn.kind) {
      case "send":
        if (!options.split) await client.write(turn.bytes);
        else for (const octet of turn.bytes) await client.write(new Uint8Array([octet]));
        break;
      case "line":
      case "reply": {
        const came = turn.kind === "line" ? await client.line() : await client.reply();
        const last = came?.slice(came.lastIndexOf("\n") + 1);
        if (last === undefined || !matches(turn.pattern, last)) throw wrong(turn.pattern, came);
        break;
      }
      case "ended": {
        const came = await client.line();
        if (came !== undefined) throw wrong("the end", came);
        break;
      }
      case "end":
        await client.end();
        break;
      case "wait":
        await stage.wait?.(turn.ms);
        break;
      case "mails":
        if (taken !== undefined && taken.length !== turn.count) {
          throw wrong(`${turn.count} mails`, String(taken.length));
        }
        break;
      case "mail": {
        const came = taken?.at(-1)?.text;
        if (taken !== undefined && came !== turn.text) throw wrong(JSON.stringify(turn.text), came);
      }
    }
  }
}

/** Plays it in memory and sees the session to its end. */
export async function playInMemory(talk: Talk, options: PlayOptions = {}): Promise<void> {
  const clock = new FakeClock();
  const plugins = await Promise.all(
    (await pluginsOf(talk)).map(async (plugin) => {
      const { host } = pluginHost(plugin.name, { files: talk.files, clock });
      return { name: plugin.name, hooks: { ...plugin.hooks, ...await plugin.setup?.(host) } };
    }),
  );
  const kit = sessionKit({ ...talk.options, plugins, clock, ...(options.split ? { chunk: 1 } : {}) });
  try {
    await playTalk(talk, { client: kit.client, taken: kit.taken, wait: (ms) => kit.clock.advance(ms) }, options);
  } finally {
    await kit.client.end();
    kit.client.drop();
    await kit.clock.advance(3000);
    await kit.over;
  }
}

/** Whether it can be played over sockets: one that moves the clock cannot. */
export function isForSockets(talk: Talk): boolean {
  return talk.turns.every(({ kind }) => kind !== "wait");
}

/** The plugins of ours that a talk names. */
export async function pluginsOf({ name, plugins }: Talk): Promise<Plugin[]> {
  return await Promise.all(plugins.map(async (each) => {
    if (!Object.hasOwn(SHIPPED, each)) throw new SyntaxError(`${name}: there is no plugin ${each}`);
    return (await SHIPPED[each as keyof typeof SHIPPED]()).default;
  }));
}

/** The hooks of a talk, for a server of flesh and blood. */
export function hooksOf(talk: Talk): HookTable {
  return talk.options.hooks ?? {};
}

/** Plays it over connections that `connect` makes to a server set up as `talk.options` says. `wait` and `mails` are passed over. */
export async function playOver(
  talk: Talk,
  connect: (talk: Talk) => Promise<ConstructorParameters<typeof TalkClient>[0]>,
  options: PlayOptions = {},
): Promise<void> {
  const client = new TalkClient(await connect(talk));
  try {
    await playTalk(talk, { client }, options);
  } finally {
    await client.end();
    client.drop();
  }
}

/** `*` stands for anything, `?` for one character. */
export function matches(pattern: string, line: string): boolean {
  const source = pattern.split("*").map((part) => part.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("?", ".")).join(
    ".*",
  );
  return new RegExp(`^${source}$`).test(line);
}
