/** Both ends of a bench: Postfix's `smtp-source` as the client, its `smtp-sink` as the next hop; our own client where one message has many domains. */
import { spawn } from "node:child_process";
import { sendLoad } from "../../kit/load.ts";
import { which } from "../../setup.ts";

export interface Load {
  readonly port: number;
  readonly messages: number;
  readonly connections: number;
  /** Octets of a message. */
  readonly size: number;
  /** Connections are kept for many messages, or made anew for each. */
  readonly kept: boolean;
  /** Recipients of each message, each in a domain of its own. */
  readonly domains: number;
}

const LONGEST_S = 300;

/** Sends it all; rejects when a message is not taken, or when it takes too long. */
export function drive(load: Load): Promise<void> {
  return load.domains > 1 ? fanOut(load) : source(load);
}

function source({ port, messages, connections, size, kept }: Load): Promise<void> {
  const args = ["-s", Math.min(connections, messages), "-m", messages, "-l", size].map(String);
  args.push("-f", "a@bench.localhost", "-t", "b@bench.localhost", `127.0.0.1:${port}`);
  return new Promise((resolve, reject) => {
    const child = spawn(which("smtp-source")!, kept ? ["-d", ...args] : args, {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: LONGEST_S * 1000,
    });
    let errors = "";
    child.stderr!.on("data", (bytes) => errors += bytes);
    child.on(
      "close",
      (code) => code === 0 ? resolve() : reject(new Error(`smtp-source ended with ${code}: ${errors.slice(0, 300)}`)),
    );
  });
}

/** The domain of recipient `n`; its next hop is 127.0.1.`n`, a host of its own. */
async function fanOut({ port, messages, connections, size, kept, domains }: Load): Promise<void> {
  const recipients = Array.from({ length: domains }, (_, n) => `b@d${n + 1}.bench.localhost`);
  const sent = await sendLoad({
    port,
    messages,
    connections: Math.min(connections, messages),
    size,
    reuse: kept,
    recipients: () => recipients,
    signal: AbortSignal.timeout(LONGEST_S * 1000),
  });
  if (sent.acknowledged.size === messages) return;
  throw new Error(`${sent.acknowledged.size} of ${messages} messages were taken: ${[...sent.refused.keys()][0] ?? ""}`);
}

export interface Sink {
  /** Resolves when it has had that many messages. */
  until(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** smtp-sink with its running counter read from a pipe. `everywhere`: on all of 127.0.0.0/8. */
export function sink(port: number, everywhere = false): Sink {
  // Beyond 256 connections it would answer no more: two workers' idle ones to a hundred hosts are as many.
  const args = ["-c", "-m", "4000", "-u", "nobody", `${everywhere ? "" : "127.0.0.1"}:${port}`, "1000"];
  const child = spawn(which("smtp-sink")!, args, { stdio: ["ignore", "pipe", "ignore"] });
  let seen = 0;
  let wanted = Infinity;
  let wake = () => {};
  child.stdout!.on("data", (bytes) => {
    const last = [...bytes.toString("latin1").matchAll(/mesg=(\d+)(?=[^\d])/g)].at(-1);
    if (last !== undefined) seen = Number(last[1]);
    if (seen >= wanted) wake();
  });
  return {
    until(count) {
      wanted = count;
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`The sink has ${seen} of ${count} messages after ${LONGEST_S} s`)),
          LONGEST_S * 1000,
        );
        wake = () => {
          clearTimeout(late);
          resolve();
        };
        if (seen >= wanted) wake();
      });
    },
    stop: () =>
      new Promise<void>((resolve) => {
        child.once("close", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}
