/**
 * A running Kasi for the system tests: a site directory made from a literal and the server process, under the same door as the test.
 *
 * `await using kasi = await startKasi({...})` ends the process and removes the directory. Ports are free ones, read from the log.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ON_DENO = "Deno" in globalThis;

/** The command that runs one of our files under the door of this test. */
export function runtimeCommand(): string[] {
  if (ON_DENO) return [process.execPath, "run", "-A", "--no-check"];
  return [process.execPath, "--import", `${ROOT}src/host/node/door.mjs`];
}

export interface SiteOptions {
  /** Path below the site directory → text; `config/smtp.ini` and `config/log.ini` have defaults. */
  readonly files?: Readonly<Record<string, string>>;
  /** Endpoints; default one free port of 127.0.0.1. */
  readonly listen?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A directory to use and keep, for restarts; default a fresh one that is removed. */
  readonly dir?: string;
  /** Extra lines for smtp.ini. */
  readonly smtpIni?: string;
  /** Run the shipped configuration with this as the working directory, without `-c`. */
  readonly outOfTheBox?: boolean;
  /** Write nothing into `dir`: its configuration is there already. */
  readonly bare?: boolean;
  readonly startMs?: number;
  /** A command that becomes it, such as `setpriv --groups 4,5`. */
  readonly under?: readonly string[];
  /** Called for each piece of output, so that something may be done before it listens. */
  readonly onOutput?: (output: string, signal: (name: NodeJS.Signals) => void) => void;
}

export interface RunningSite extends AsyncDisposable {
  readonly dir: string;
  readonly port: number;
  readonly ports: readonly number[];
  readonly pid: number;
  /** Everything it has printed so far. */
  output(): string;
  /** Resolves when the output matches; rejects after `ms`. */
  untilLogged(pattern: RegExp, ms?: number): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Its exit code once it has ended; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Ends it (SIGTERM, then SIGKILL after 15 s) and resolves to its exit code; null when a signal ended it. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

const DEFAULTS: Readonly<Record<string, string>> = {
  "config/log.ini": "[main]\nlevel=info\nformat=default\n",
  "config/me": "kasi.test\n",
  "config/host_list": "kasi.test\nlocalhost\n",
};

/** Writes the files of a site; those already there are kept unless given. */
export function writeSite(dir: string, options: SiteOptions = {}): void {
  const smtpIni = `listen=${options.listen ?? "127.0.0.1:0"}\nnodes=0\n${options.smtpIni ?? ""}`;
  const given: Record<string, string> = { "config/smtp.ini": smtpIni, ...options.files };
  for (const [name, text] of Object.entries({ ...DEFAULTS, ...given })) {
    const path = join(dir, name);
    if (!(name in given) && existsSync(path)) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

export function temporaryDir(prefix = "kasi-"): string {
  return mkdtempSync(join(tmpdir(), prefix));
}

export async function startKasi(options: SiteOptions = {}): Promise<RunningSite> {
  const dir = options.dir ?? temporaryDir();
  if (!options.outOfTheBox && !options.bare) writeSite(dir, options);
  const served = options.outOfTheBox ? [] : ["-c", dir];
  const [command, ...args] = [...options.under ?? [], ...runtimeCommand(), join(ROOT, "mod.ts"), ...served];
  const child: ChildProcess = spawn(command!, args, {
    cwd: options.outOfTheBox ? dir : ROOT,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let gone: { readonly code: number | null; readonly by: string | null } | undefined;
  // Not `child.kill`: under Deno it takes the child for dead at once, whatever the signal, and sends no second one.
  const tell = (name: NodeJS.Signals) => {
    if (gone === undefined) process.kill(child.pid!, name);
  };
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (bytes: Uint8Array) => {
      output += new TextDecoder().decode(bytes);
      options.onOutput?.(output, tell);
      for (const watch of watchers) watch();
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    const end = (code: number | null) => {
      resolve(code);
      for (const watch of watchers) watch();
    };
    child.once("close", end);
    // Its pipes may be held open by somebody else: two seconds behind its exit nothing of its own can come any more.
    child.once("exit", (code, by) => {
      gone = { code, by };
      const late = setTimeout(end, 2000, code);
      child.once("close", () => clearTimeout(late));
    });
  });
  const site: RunningSite = {
    dir,
    pid: child.pid!,
    get port() {
      return site.ports[0]!;
    },
    get ports() {
      return [...output.matchAll(/Listening on \S*:(\d+)/g)].map((match) => Number(match[1]));
    },
    output: () => output,
    untilLogged(pattern, ms = 30_000) {
      return new Promise((resolve, reject) => {
        const watch = () => {
          const match = pattern.exec(output);
          if (!match && gone === undefined) return;
          clearTimeout(late);
          watchers.delete(watch);
          if (match) resolve(match);
          else {reject(
              new Error(`Kasi ended (${gone?.code ?? gone?.by}) before it said ${pattern}:\n${output}`),
            );}
        };
        const late = setTimeout(() => {
          watchers.delete(watch);
          reject(new Error(`Kasi did not say ${pattern} within ${ms} ms:\n${output.slice(-4000)}`));
        }, ms);
        watchers.add(watch);
        watch();
      });
    },
    signal: tell,
    ended,
    async stop() {
      tell("SIGTERM");
      const late = setTimeout(() => tell("SIGKILL"), 15_000);
      const code = await ended;
      clearTimeout(late);
      return code;
    },
    async kill() {
      tell("SIGKILL");
      await ended;
    },
    async [Symbol.asyncDispose]() {
      await site.stop();
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await site.untilLogged(/Listening on \S+\s/, options.startMs ?? 30_000);
  } catch (cause) {
    await site[Symbol.asyncDispose]();
    throw cause;
  }
  return site;
}

/** The messages of a Maildir folder, as text. */
export function readMaildir(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).sort().map((name) => readFileSync(join(dir, name), "latin1"));
}

/** Tries until `check` gives something other than undefined or false; rejects after `ms`. */
export async function eventually<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 30_000,
  what = "it",
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`Waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
