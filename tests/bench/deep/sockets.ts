/**
 * The same over real sockets: two servers, one with the deep queue and one with an empty one, are driven in turn by `smtp-source` and deliver to
 * `smtp-sink`; then the deep one is asked over its control socket, and by `kasi queue ls` as an operator would.
 */
import { execFileSync, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { askSocket } from "../../../src/host/http_client.ts";
import { ROOT, setUp, which } from "../../setup.ts";
import { cpuSeconds, freePort, memoryMiB, untilGreets } from "../peers/processes.ts";
import { kasi } from "../peers/servers.ts";

const CONNECTIONS = 20;

export interface SocketsOptions {
  /** Site directories with their queues. */
  readonly site: string;
  readonly none: string;
  /** 0: only ask. */
  readonly rounds: number;
  readonly messages: number;
  readonly domain: string;
}

interface Result {
  readonly rate: number;
  readonly cpu: number;
}

export async function overSockets(options: SocketsOptions): Promise<void> {
  setUp();
  if (which("smtp-source") === undefined) {
    return console.log("without smtp-source (Debian: postfix) nothing is measured over sockets");
  }
  const sinkPort = await freePort();
  const sink = spawn(which("smtp-sink")!, ["-u", "nobody", `127.0.0.1:${sinkPort}`, "1000"], { stdio: "ignore" });
  const deep = await served(options.site, sinkPort);
  const empty = options.rounds > 0 ? await served(options.none, sinkPort) : undefined;
  try {
    console.log(
      `server with the deep queue: greets after ${(deep.startMs / 1000).toFixed(1)} s, ${
        memoryMiB(deep.pid).toFixed(0)
      } MiB`,
    );
    if (empty !== undefined) await sideBySide(deep, empty, options);
    for (const target of [`/queue?domain=${options.domain}`, "/status", "/queue?limit=100"]) {
      const began = performance.now();
      const lines = await ask(deep.socket, "GET", target);
      console.log(`control socket ${target}: ${(performance.now() - began).toFixed(0)} ms, ${lines} lines`);
    }
    const [began, args] = [performance.now(), ["queue", "ls", "--domain", options.domain, "-c", options.site]];
    const out = execFileSync(Deno.execPath(), ["run", "-A", "--no-check", join(ROOT, "mod.ts"), ...args], {
      cwd: ROOT,
    });
    console.log(
      `kasi queue ls --domain: ${(performance.now() - began).toFixed(0)} ms, ${
        String(out).split("\n").length - 1
      } lines, Deno's own start within`,
    );
  } finally {
    await deep.stop();
    await empty?.stop();
    sink.kill("SIGKILL");
  }
}

async function sideBySide(deep: Served, empty: Served, { rounds, messages }: SocketsOptions): Promise<void> {
  for (const [mode, flags] of [["new connections", []], ["kept connections", ["-d"]]] as const) {
    const found: { deep: Result[]; empty: Result[] } = { deep: [], empty: [] };
    for (let round = 0; round <= rounds; round++) {
      const turn = [["deep", deep], ["empty", empty]] as const;
      for (const [name, server] of round % 2 === 0 ? turn : turn.toReversed()) {
        const result = await drive(server, messages, flags);
        if (round > 0) found[name].push(result);
      }
    }
    const middle = (of: readonly Result[], key: keyof Result) =>
      of.map((one) => one[key]).sort((a, b) => a - b)[of.length >> 1]!;
    const [d, e] = [middle(found.deep, "rate"), middle(found.empty, "rate")];
    const [dc, ec] = [middle(found.deep, "cpu"), middle(found.empty, "cpu")];
    console.log(
      `sockets, ${mode}: deep ${d.toFixed(0)}/s (${dc.toFixed(0)} µs CPU), empty ${e.toFixed(0)}/s (${
        ec.toFixed(0)
      } µs CPU): ` +
        `${(d / e * 100).toFixed(0)} %, by CPU ${(ec / dc * 100).toFixed(0)} %`,
    );
  }
}

type Served = Awaited<ReturnType<typeof served>>;

async function served(dir: string, sinkPort: number) {
  for (const name of ["config", "plugins"]) rmSync(join(dir, name), { recursive: true, force: true });
  const port = await freePort();
  const began = performance.now();
  const running = kasi("Kasi", [Deno.execPath(), "run", "-A", "--no-check"]).start({
    dir,
    port,
    sinkPort,
    task: "relay",
    domains: 1,
  });
  await untilGreets(port, 300);
  return { ...running, port, startMs: performance.now() - began, socket: join(dir, "control.sock") };
}

/** Until every message was acknowledged and is delivered. */
async function drive(server: Served, messages: number, flags: readonly string[]): Promise<Result> {
  const [cpu, began] = [cpuSeconds(server.pid), performance.now()];
  const to = ["-f", "a@bench.localhost", "-t", "b@bench.localhost", `127.0.0.1:${server.port}`];
  const args = [...flags, "-s", String(CONNECTIONS), "-m", String(messages), "-l", "5000", ...to];
  await new Promise<void>((resolve, reject) => {
    const child = spawn(which("smtp-source")!, args, { stdio: "ignore" });
    child.once("close", (code) => code === 0 ? resolve() : reject(new Error(`smtp-source ended with ${code}`)));
  });
  while (await isBusy(server.socket)) await new Promise((resolve) => setTimeout(resolve, 5));
  const seconds = (performance.now() - began) / 1000;
  return { rate: messages / seconds, cpu: (cpuSeconds(server.pid) - cpu) * 1e6 / messages };
}

async function isBusy(socket: string): Promise<boolean> {
  const { queue } = JSON.parse(await read(socket, "GET", "/status"));
  return queue.inProgress + queue.queued > 0;
}

async function ask(socket: string, method: "GET" | "POST", target: string): Promise<number> {
  return (await read(socket, method, target)).trimEnd().split("\n").length;
}

async function read(socket: string, method: "GET" | "POST", target: string): Promise<string> {
  const answer = await askSocket(socket, { method, target });
  if (answer.kind !== "answer" || answer.status !== 200) throw new Error(`${socket} answers ${JSON.stringify(answer)}`);
  let text = "";
  for await (const chunk of answer.body) text += new TextDecoder().decode(chunk);
  return text;
}
