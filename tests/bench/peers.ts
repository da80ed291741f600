/**
 * Kasi, Haraka, Postfix and a bare relay side by side: `deno task bench:peers [--rounds 3] [--messages 2000] [--only NAME,NAME] [--connections 20]`.
 *
 * Installs Haraka (npm, newest) and Postfix (Debian) where they are missing, then drives each in turn (A B C A B C …) by Postfix's
 * `smtp-source`: 5 KB messages, new connections and kept ones, (i) accept and discard, (ii) accept, keep durably, deliver to `smtp-sink`.
 * Prints messages/s until the last message was acknowledged (i) or was at the sink (ii), CPU seconds per 1000 messages, peak memory, and ratios.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT, setUp, which } from "../setup.ts";
import { cpuSeconds, freePort, memoryMiB, untilGreets } from "./peers/processes.ts";
import { floor, haraka, kasi, postfix, type Server, type Task } from "./peers/servers.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    messages: { type: "string", default: "2000" },
    connections: { type: "string", default: "20" },
    size: { type: "string", default: "5000" },
    only: { type: "string" },
    tasks: { type: "string", default: "discard,relay" },
  },
});
const [rounds, connections, size] = [Number(options.rounds), Number(options.connections), Number(options.size)];
const MODES = [{ name: "new connections", flags: [] }, { name: "kept connections", flags: ["-d"] }] as const;

interface Figures {
  rate: number;
  cpu: number;
  memory: number;
}

/** Runs smtp-source to its end; rejects when it fails or takes longer than `seconds`. */
function drive(port: number, messages: number, flags: readonly string[], seconds = 300): Promise<void> {
  const sessions = Math.min(connections, messages);
  const args = [
    ...flags,
    "-s",
    String(sessions),
    "-m",
    String(messages),
    "-l",
    String(size),
    "-f",
    "a@bench.localhost",
    "-t",
    "b@bench.localhost",
    `127.0.0.1:${port}`,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(which("smtp-source")!, args, { stdio: ["ignore", "ignore", "pipe"], timeout: seconds * 1000 });
    let errors = "";
    child.stderr!.on("data", (bytes) => errors += bytes);
    child.on(
      "close",
      (code) => code === 0 ? resolve() : reject(new Error(`smtp-source ended with ${code}: ${errors.slice(0, 300)}`)),
    );
  });
}

/** smtp-sink with its running counter read from a pipe. */
function sink(port: number) {
  const child = spawn(which("smtp-sink")!, ["-c", "-u", "nobody", `127.0.0.1:${port}`, "1000"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let seen = 0;
  let wanted = Infinity;
  let wake = () => {};
  child.stdout!.on("data", (bytes) => {
    const last = /mesg=(\d+)[^\r\n]*[\r\n]*$/.exec(
      bytes.toString("latin1").split(/[\r\n]/).filter((line: string) => line.includes("mesg=")).at(-1) ?? "",
    );
    if (last) seen = Number(last[1]);
    if (seen >= wanted) wake();
  });
  return {
    get seen() {
      return seen;
    },
    until(count: number, seconds = 300): Promise<void> {
      wanted = count;
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`The sink has ${seen} of ${count} messages after ${seconds} s`)),
          seconds * 1000,
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

async function measure(
  server: Server,
  task: Task,
  flags: readonly string[],
  messages: number,
  base: string,
): Promise<Figures> {
  const dir = mkdtempSync(join(base, `${server.name.replace(/\W+/g, "-")}-`));
  const [port, sinkPort] = [await freePort(), await freePort()];
  const target = task === "relay" ? sink(sinkPort) : undefined;
  const running = server.start({ dir, port, sinkPort, task });
  let memory = 0;
  const watch = setInterval(() => memory = Math.max(memory, memoryMiB(running.pid)), 250);
  try {
    await untilGreets(port);
    const warm = Math.min(500, messages);
    await drive(port, warm, flags);
    await target?.until(warm);
    const [cpu, began] = [cpuSeconds(running.pid), performance.now()];
    await drive(port, messages, flags);
    await target?.until(warm + messages);
    const seconds = (performance.now() - began) / 1000;
    memory = Math.max(memory, memoryMiB(running.pid));
    return { rate: messages / seconds, cpu: (cpuSeconds(running.pid) - cpu) / messages * 1000, memory };
  } finally {
    clearInterval(watch);
    await running.stop();
    await target?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function servers(node: string | undefined): Server[] {
  const deno = Deno.execPath();
  const home = join(ROOT, "data/bench/haraka");
  if (!existsSync(join(home, "node_modules/Haraka"))) {
    mkdirSync(home, { recursive: true });
    console.log("installing Haraka from npm");
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--silent", "--prefix", home, "Haraka@latest"], {
      stdio: "inherit",
    });
  }
  const all = [
    kasi("Kasi", [deno, "run", "-A", "--no-check"]),
    ...(node ? [kasi("Kasi on Node", [node, "--import", join(ROOT, "src/host/node/door.mjs")])] : []),
    ...(node ? [haraka(node, home)] : []),
    ...(which("postfix") ? [postfix()] : []),
    floor(deno),
  ];
  const wanted = options.only?.split(",");
  return wanted ? all.filter(({ name }) => wanted.includes(name)) : all;
}

const { node } = setUp();
const base = join(ROOT, "data/bench/run");
mkdirSync(base, { recursive: true });
console.log(
  `${cpus()[0]?.model.trim()} × ${cpus().length}, ${
    Math.round(totalmem() / 2 ** 30)
  } GiB; ${size} octets, ${connections} connections, ${rounds} rounds in turn, medians`,
);
const rivals = servers(node);
for (const task of options.tasks.split(",") as Task[]) {
  for (const mode of MODES) {
    const results = new Map<string, Figures[]>(rivals.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const server of rivals) {
        // Slow peers get fewer messages, so that a round takes seconds; the rate is per second all the same.
        const messages = /Haraka|Postfix/.test(server.name)
          ? Math.min(1500, Number(options.messages))
          : Number(options.messages) * (task === "discard" ? 2 : 1);
        try {
          results.get(server.name)!.push(await measure(server, task, mode.flags, messages, base));
        } catch (fault) {
          console.log(`  ${server.name}: ${fault instanceof Error ? fault.message : fault}`);
        }
      }
    }
    if (task === "relay") results.set("source → sink", await straight(mode.flags));
    report(task, mode.name, results);
  }
}

/** smtp-source straight into smtp-sink: the most that this machine's two ends can do. */
async function straight(flags: readonly string[]): Promise<Figures[]> {
  const port = await freePort();
  const target = sink(port);
  const found: Figures[] = [];
  try {
    await untilGreets(port);
    for (let round = 0; round < rounds; round++) {
      const [began, messages] = [performance.now(), Number(options.messages) * 2];
      await drive(port, messages, flags);
      found.push({ rate: messages / ((performance.now() - began) / 1000), cpu: 0, memory: 0 });
    }
  } finally {
    await target.stop();
  }
  return found;
}

function report(task: Task, mode: string, results: Map<string, Figures[]>) {
  const rate = (name: string) => median((results.get(name) ?? []).map((figures) => figures.rate)) ?? Number.NaN;
  const ours = rate("Kasi");
  console.log(`\n${task === "discard" ? "(i) accept and discard" : "(ii) accept, keep durably, deliver"}, ${mode}`);
  console.log(
    `${"".padEnd(16)} ${"msg/s".padStart(8)} ${"min–max".padStart(14)} ${"CPU s/1000".padStart(11)} ${
      "MiB".padStart(6)
    } ${"Kasi ÷ it".padStart(10)}`,
  );
  for (const [name, figures] of results) {
    if (figures.length === 0) continue;
    const rates = figures.map((one) => one.rate);
    const [cpu, memory] = [median(figures.map((one) => one.cpu)), median(figures.map((one) => one.memory))];
    console.log(
      `${name.padEnd(16)} ${rate(name).toFixed(0).padStart(8)} ${
        `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`.padStart(14)
      } ` +
        `${(cpu > 0 ? cpu.toFixed(2) : "").padStart(11)} ${(memory > 0 ? memory.toFixed(0) : "").padStart(6)} ${
          (ours / rate(name)).toFixed(2).padStart(10)
        }`,
    );
  }
}
