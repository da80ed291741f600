/** What stands on the disk before a client hears 250: seen by the kernel's own account of the calls, and by what a kill right behind it leaves. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { runKasi, without } from "../kit/mail_programs.ts";
import { relaySite } from "../kit/relay_site.ts";
import { eventually, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const FILES = { ...relaySite(9), "config/outbound.ini": "disabled=true\n" };
const SMALL = "Subject: x\r\n\r\nhello\r\n";
/** Its body has a file of its own. */
const LARGE = `Subject: x\r\n\r\n${`${"0123456789".repeat(7)}\r\n`.repeat(30_000)}`;

async function send(port: number, content: string): Promise<void> {
  await using client = await SmtpClient.connect(port);
  await client.hello();
  assert.match(await client.mail("me@here.test", ["you@there.test"], content), /^250 .*Message Queued/);
}

test("what a client heard 250 for is in the queue after a kill -9 at that moment, small and large [row 182]", async () => {
  const dir = temporaryDir("kasi-kill-");
  try {
    for (const [i, content] of [SMALL, LARGE].entries()) {
      const kasi = await startKasi({ dir, files: FILES });
      await send(kasi.port, content);
      await kasi.kill();
      const { stdout } = await runKasi(["queue", "ls", "--json", "-c", dir]);
      assert.equal(stdout.match(/"you@there\.test"/g)?.length, i + 1, stdout);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

/** Calls of a process as strace wrote them down, while `body` ran. */
async function traced(pid: number, file: string, body: () => Promise<void>): Promise<string> {
  const calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg,rename,renameat2";
  const args = ["-f", "-y", "-s", "100", "-e", calls, "-o", file, "-p", String(pid)];
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  strace.stderr!.on("data", (bytes: Uint8Array) => said += new TextDecoder().decode(bytes));
  const gone = new Promise<void>((resolve) => strace.once("close", () => resolve()));
  let alive = true;
  strace.once("exit", () => alive = false);
  try {
    await eventually(() => said.includes(" attached") || !alive, 10_000, "strace");
    assert.ok(alive, said);
    await body();
  } finally {
    if (alive) process.kill(strace.pid!, "SIGINT");
    await gone;
  }
  return readFileSync(file, "latin1");
}

/** Paths whose syncs were over, in order, before the text was written to a socket. */
function syncedBefore(trace: string, reply: RegExp): string[] {
  const under = new Map<string, string>();
  const synced: string[] = [];
  for (const line of trace.split("\n")) {
    const [, pid = "", call = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (/^(?:write|writev|sendto|sendmsg)\(/.test(call) && reply.test(call)) return synced;
    const [, path, rest] = /^f(?:data)?sync\(\d+<([^>]*)>(.*)$/.exec(call) ?? [];
    if (path !== undefined && / = 0$/.test(rest!)) synced.push(path);
    else if (path !== undefined) under.set(pid, path);
    else if (/^<\.\.\. f(?:data)?sync resumed>.* = 0$/.test(call)) synced.push(under.get(pid)!);
  }
  throw new Error(`Nobody was told ${reply}`);
}

test("the record is synced before 250 is said, and a large body before its record [row 187]", {
  skip: without("strace"),
}, async () => {
  await using kasi = await startKasi({ files: FILES });
  const log = /\/queue\/\d+\.log$/;
  const file = join(kasi.dir, "trace");
  const reply = /250 [^"]*Message Queued/;
  const small = syncedBefore(await traced(kasi.pid, file, () => send(kasi.port, SMALL)), reply);
  // The segment's name too, for it is the first mail.
  assert.ok(small.some((path) => log.test(path)) && small.some((path) => path.endsWith("/queue")), small.join("\n"));
  const large = syncedBefore(await traced(kasi.pid, file, () => send(kasi.port, LARGE)), reply);
  const body = large.findIndex((path) => /\/queue\/body\/[^/]+\.eml$/.test(path));
  const folder = large.findIndex((path) => /\/queue\/body$/.test(path));
  const record = large.findLastIndex((path) => log.test(path));
  assert.ok(body >= 0 && folder > body && record > folder, large.join("\n"));
});
