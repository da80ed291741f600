/**
 * The mail programs that others wrote, for system tests: running one to its end, and Postfix's sink and a private Postfix as next hops.
 *
 * Everything listens on loopback, on ports that are free; whoever starts a server stops it (`await using`), by its process id.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import process from "node:process";
import { latin1Decode } from "../../src/base/bytes.ts";
import { which } from "../setup.ts";
import { eventually, ROOT, runtimeCommand, temporaryDir } from "./site.ts";

/** Why a test that needs these programs is left out; undefined when all are there. */
export function without(...programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => which(program) === undefined);
  return missing.length === 0 ? undefined : `${missing.join(", ")} not installed`;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order they came. */
  readonly output: string;
}
export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default 60 000; then it is killed. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end. Text is latin-1, so that octets survive. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(which(program) ?? program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "", output: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (bytes: Uint8Array) => {
      const piece = latin1Decode(bytes);
      text[name] += piece;
      text.output += piece;
    });
  }
  child.stdin.on("error", () => {}); // a program that ends without reading all of it
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 60_000);
    child.once("error", (cause) => {
      clearTimeout(late);
      reject(cause);
    });
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code, ...text });
    });
  });
}

/** Our own command line, under the door of this test. */
export function runKasi(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program, ...before] = [...runtimeCommand(), join(ROOT, "mod.ts")];
  return run(program!, [...before, ...args], { ...options, env: { NO_COLOR: "1", ...options.env } });
}

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(host = "127.0.0.1"): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject).listen(0, host, () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Whether somebody listens there. */
export function answers(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host });
    const done = (yes: boolean) => () => {
      socket.destroy();
      resolve(yes);
    };
    socket.once("connect", done(true)).once("error", done(false)).setTimeout(2000, done(false));
  });
}

/** One mail as smtp-sink wrote it down. */
export interface SunkMail {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The arguments of MAIL as they came. */
  readonly mailArgs: string;
  readonly helo: string;
  /** Behind the sink's own header fields; lines end in LF. Latin-1. */
  readonly content: string;
}
export interface Sink extends AsyncDisposable {
  readonly port: number;
  mails(): SunkMail[];
  untilMails(count: number, ms?: number): Promise<SunkMail[]>;
  /** Sessions that have ended, commands QUIT and messages, as `-c` counts them. */
  counters(): { readonly sessions: number; readonly quits: number; readonly messages: number };
  stop(): Promise<void>;
}

/** Postfix's `smtp-sink`, which keeps every mail in a file of its own. `args`: more of its options. */
export async function startSink(
  options: { readonly port?: number; readonly args?: readonly string[] } = {},
): Promise<Sink> {
  const port = options.port ?? await freePort();
  const dir = temporaryDir("kasi-sink-");
  chmodSync(dir, 0o777); // as root it becomes another user where told to
  const child = spawn(which("smtp-sink")!, [
    "-c",
    ...process.getuid?.() === 0 ? ["-u", "root"] : [],
    "-d",
    `${dir}/m.`,
    ...options.args ?? [],
    `127.0.0.1:${port}`,
    "128",
  ], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (bytes: Uint8Array) => output += new TextDecoder().decode(bytes));
  }
  const stop = ending(child, () => rmSync(dir, { recursive: true, force: true }));
  const sink: Sink = {
    port,
    mails: () => readdirSync(dir).sort().map((name) => sunkMail(readFileSync(join(dir, name), "latin1"))),
    // A dump is begun at MAIL and ended by its closing: only whole ones count, so that the sink's counter says how many there are.
    untilMails: (count, ms) =>
      eventually(() => sink.counters().messages >= count && sink.mails(), ms, `${count} mails at the sink`),
    counters() {
      const [sessions = 0, quits = 0, messages = 0] =
        (/sess=(\d+) quit=(\d+) mesg=(\d+)\s*$/.exec(output.trimEnd())?.slice(1) ?? []).map(Number);
      return { sessions, quits, messages };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  await eventually(() => answers(port), 10_000, "smtp-sink");
  return sink;
}

/** `X-Client-Addr: … X-Mail-Args: <a> … X-Rcpt-Args: <b> Received: …`, a blank line if the mail has none, then the mail. */
function sunkMail(text: string): SunkMail {
  const field = (name: string) =>
    [...text.matchAll(new RegExp(`^X-${name}-Args: (.*)$`, "gm"))].map((match) => match[1]!);
  const inBrackets = (args: string) => /<([^>]*)>/.exec(args)?.[1] ?? args;
  const own = /^(?:X-[A-Za-z]+-(?:Addr|Proto|Args): .*\n)+(?:Received: .*\n(?:[ \t].*\n)*)?/.exec(text)?.[0] ?? "";
  return {
    sender: inBrackets(field("Mail")[0] ?? ""),
    mailArgs: field("Mail")[0] ?? "",
    recipients: field("Rcpt").map(inBrackets),
    helo: field("Helo")[0] ?? "",
    content: text.slice(own.length, -1), // it ends each dump with an empty line
  };
}

export interface Postfix extends AsyncDisposable {
  readonly port: number;
  log(): string;
}

/** A Postfix of its own beside the system's, that relays all to `nextHop`; `more` goes into its main.cf. Needs root, as Postfix does. */
export async function startPostfix(
  nextHop: number,
  more: { readonly [parameter: string]: string } = {},
): Promise<Postfix> {
  const port = await freePort();
  const dir = temporaryDir("kasi-postfix-");
  chmodSync(dir, 0o755);
  for (const name of ["data", "queue", "etc"]) mkdirSync(join(dir, name));
  execFileSync("chown", ["postfix", join(dir, "data")]);
  const main = {
    compatibility_level: "3.6",
    queue_directory: `${dir}/queue`,
    data_directory: `${dir}/data`,
    command_directory: "/usr/sbin",
    daemon_directory: "/usr/lib/postfix/sbin",
    mail_owner: "postfix",
    setgid_group: "postdrop",
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    myhostname: "relay.localhost",
    mydestination: "",
    mynetworks: "127.0.0.0/8",
    smtpd_recipient_restrictions: "permit_mynetworks, reject",
    smtp_tls_security_level: "none",
    smtpd_tls_security_level: "none",
    maillog_file: `${dir}/postfix.log`,
    maillog_file_prefixes: dir,
    relayhost: `[127.0.0.1]:${nextHop}`,
    ...more,
  };
  writeFileSync(join(dir, "etc/main.cf"), Object.entries(main).map(([key, value]) => `${key} = ${value}\n`).join(""));
  const isPublic = new Set(["pickup", "cleanup", "qmgr", "flush", "showq"]);
  const service = (name: string, command = name, wake = "-", limit = "-") =>
    `${name} unix ${isPublic.has(name) ? "n" : "-"} - n ${wake} ${limit} ${command}`;
  writeFileSync(
    join(dir, "etc/master.cf"),
    [
      `127.0.0.1:${port} inet n - n - - smtpd`,
      "postlog unix-dgram n - n - 1 postlogd",
      service("pickup", "pickup", "60", "1"),
      service("qmgr", "qmgr", "300", "1"),
      service("tlsmgr", "tlsmgr", "1000?", "1"),
      service("rewrite", "trivial-rewrite"),
      service("defer", "bounce", "-", "0"),
      service("trace", "bounce", "-", "0"),
      service("relay", "smtp"),
      service("retry", "error"),
      ...["cleanup", "bounce", "flush"].map((name) => service(name, name, "-", "0")),
      ...["verify", "anvil", "scache"].map((name) => service(name, name, "-", "1")),
      ...["smtp", "showq", "error", "discard"].map((name) => service(name)),
      "proxymap unix - - n - - proxymap",
      "",
    ].join("\n"),
  );
  execFileSync(which("postfix")!, ["-c", join(dir, "etc"), "check"], { stdio: "ignore" });
  const child = spawn("/usr/lib/postfix/sbin/master", ["-c", join(dir, "etc"), "-d"], { stdio: "ignore" });
  const stop = ending(child, () => rmSync(dir, { recursive: true, force: true }));
  await eventually(() => answers(port), 15_000, "Postfix");
  const logFile = join(dir, "postfix.log");
  return {
    port,
    log: () => existsSync(logFile) ? readFileSync(logFile, "utf8") : "",
    [Symbol.asyncDispose]: stop,
  };
}

/** SIGTERM, and SIGKILL after five seconds; then `clean`. Once. */
export function ending(child: ChildProcess, clean: () => void): () => Promise<void> {
  let alive = true;
  child.once("exit", () => alive = false);
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  // Not `child.kill`: under Deno it takes the child for dead at once, and sends no second signal.
  const tell = (name: NodeJS.Signals) => alive && process.kill(child.pid!, name);
  let ended: Promise<void> | undefined;
  return () =>
    ended ??= (async () => {
      tell("SIGTERM");
      const late = setTimeout(tell, 5000, "SIGKILL");
      await gone;
      clearTimeout(late);
      clean();
    })();
}
