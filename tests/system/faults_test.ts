/**
 * What goes wrong: plugins that throw, hang or answer twice, a full disk, keys and values that are no good, clients that leave, crowd or
 * talk without end, a stop in the middle of deliveries. Each gets its clear answer, the process lives, memory and descriptors come back.
 *
 * `KASI_LONG=1` takes 5 000 idle connections instead of 500.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import process from "node:process";
import { pause, sendLoad } from "../kit/load.ts";
import { makePki } from "../kit/pki.ts";
import { descriptorsOf, LONG, relaySite, rssOf, RssWatch } from "../kit/relay_site.ts";
import { eventually, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { TokenSink } from "../kit/tokens.ts";

const MIB = 1024 * 1024;
const HEADER = "Subject: fault\r\n\r\n";
const MAIL = HEADER + "Hello\r\n";
/** More than what is free in the last page of a file on a full disk. */
const PAGES = HEADER + "A line of a message that takes some pages.\r\n".repeat(400);

/** In the middle of an open mail transaction. */
async function inMail(port: number): Promise<SmtpClient> {
  const client = await SmtpClient.connect(port);
  await client.hello();
  assert.match(await client.say("MAIL FROM:<a@one.test>"), /^250/);
  return client;
}

/** Somebody else is served as if nothing were wrong. */
async function servesOthers(port: number): Promise<void> {
  await using other = await SmtpClient.connect(port);
  await other.hello("other.test");
  assert.match(await other.mail("a@one.test", ["ok@one.test"], MAIL), /^250/);
  assert.match(await other.say("QUIT"), /^221/);
}

const FRAGILE = `
  import { deny, type HookEvent, type Plugin } from "kasi";
  const acts: Record<string, () => any> = {
    throws() { throw new Error("boom of rcpt"); },
    rejects: () => Promise.reject(new Error("boom of a promise")),
    hangs: () => new Promise(() => {}),
    late: () => new Promise((_, reject) => setTimeout(() => reject(new Error("too late")), 1500)),
    twice: () => new Promise((resolve, reject) => {
      resolve(deny("the first answer"));
      resolve(undefined);
      reject(new Error("and another"));
    }),
    after() { setTimeout(() => { throw new Error("boom of a timer"); }, 50); },
    forgets() { void Promise.reject(new Error("boom that nobody awaits")); },
    nonsense: () => ({ kind: "maybe" }),
  };
  export default {
    name: "fragile",
    hooks: {
      rcpt: ({ recipient }) => acts[recipient.address.user]?.(),
      data_post({ message }) { if (message.header.has("X-Break")) throw new Error("boom of data_post"); },
      queue_outbound({ message }) { if (message.header.has("X-Break-Queue")) throw new TypeError("boom of queue"); },
    },
  } satisfies Plugin;
`;

test("a plugin that throws, hangs or answers twice gets its client a clear answer and harms nobody else", async () => {
  await using sink = await TokenSink.start();
  await using kasi = await startKasi({
    files: relaySite(sink.port, {
      "config/plugins": "to_next_hop\nfragile\n",
      "config/fragile.timeout": "1\n",
      "plugins/fragile.ts": FRAGILE,
    }),
  });
  await using client = await inMail(kasi.port);
  /** The id a reply shows stands before the fault in the log. */
  const faultOf = async (reply: string, reason: string) => {
    const id = /^45\d \S+ Local trouble, try again later \(([0-9A-F-]+\.\d+)\)$/.exec(reply)?.[1];
    assert.ok(id !== undefined, reply);
    await kasi.untilLogged(new RegExp(`\\[CRIT\\] \\[${id}\\] .*Plugin fragile failed in hook \\w+: .*${reason}`));
  };
  await faultOf(await client.say("RCPT TO:<throws@one.test>"), "boom of rcpt");
  await faultOf(await client.say("RCPT TO:<rejects@one.test>"), "boom of a promise");
  const began = performance.now();
  await faultOf(await client.say("RCPT TO:<hangs@one.test>"), "no answer within 1 s");
  assert.ok(performance.now() - began < 5000, "the hanging plugin was given up after its second");
  await faultOf(await client.say("RCPT TO:<late@one.test>"), "no answer within 1 s");
  assert.match(await client.say("RCPT TO:<twice@one.test>"), /^550 .*the first answer/);
  assert.match(await client.say("RCPT TO:<nonsense@one.test>"), /^250/);
  await kasi.untilLogged(/\[ERROR\] .*Plugin fragile said \{"kind":"maybe"\} at rcpt, which means nothing there/);
  assert.match(await client.say("RCPT TO:<after@one.test>"), /^250/);
  await kasi.untilLogged(/\[CRIT\] .*boom of a timer/);
  assert.match(await client.say("RCPT TO:<forgets@one.test>"), /^250/);
  await kasi.untilLogged(/\[CRIT\] .*boom that nobody awaits/);
  assert.match(await client.say("NOOP"), /^250/);

  assert.match(await client.say("RSET"), /^250/);
  await faultOf(await client.mail("a@one.test", ["b@one.test"], `X-Break: 1\r\n${MAIL}`), "boom of data_post");
  await faultOf(await client.mail("a@one.test", ["b@one.test"], `X-Break-Queue: 1\r\n${MAIL}`), "boom of queue");
  assert.match(await client.mail("a@one.test", ["b@one.test"], MAIL), /^250/);
  await servesOthers(kasi.port);
  await eventually(() => sink.taken.length === 2);
});

/** A file system of so many MiB, which is full when `fill()` was called. */
function smallDisk(at: string, mib: number) {
  mkdirSync(at, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", at]);
  const filler = join(at, "filler");
  return {
    fill() {
      for (const size of [MIB, 4096, 1]) {
        try {
          for (;;) writeFileSync(filler, new Uint8Array(size), { flag: "a" });
        } catch (cause) {
          if ((cause as { code?: string }).code !== "ENOSPC") throw cause;
        }
      }
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.dispose]() {
      execFileSync("umount", ["-l", at]);
    },
  };
}

function whyNoMount(): string | undefined {
  if (process.getuid?.() !== 0) return "mounting a small file system needs root";
  const at = temporaryDir("kasi-mount-");
  try {
    smallDisk(at, 1)[Symbol.dispose]();
    return undefined;
  } catch {
    return "this machine lets nobody mount a tmpfs";
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}

const NO_MOUNT = whyNoMount();

test("a full disk refuses new mail for now, loses nothing, and mail flows again when there is space", {
  skip: NO_MOUNT,
  timeoutMs: 120_000,
}, async () => {
  const dir = temporaryDir("kasi-full-");
  await using sink = await TokenSink.start();
  try {
    using disk = smallDisk(join(dir, "queue"), 4);
    const site = { dir, files: relaySite(sink.port) };
    let kasi = await startKasi(site);
    try {
      sink.refuse = () => true;
      const send = (prefix: string, messages: number) =>
        sendLoad({
          port: kasi.port,
          connections: 2,
          messages,
          reuse: true,
          prefix,
          recipients: (n) => [`r${n}@one.test`],
        });
      const before = await send("before", 20);
      assert.equal(before.acknowledged.size, 20);
      await eventually(() => sink.refused >= 20);

      disk.fill();
      await using client = await SmtpClient.connect(kasi.port);
      await client.hello();
      assert.match(await client.mail("a@one.test", ["b@one.test"], PAGES), /^45[12] 4\./);
      const large = HEADER + "A line of a message that is too large for memory.\r\n".repeat(40_000);
      assert.match(await client.mail("a@one.test", ["b@one.test"], large), /^45[12] 4\./);
      assert.match(await client.say("NOOP"), /^250/);
      await kasi.untilLogged(/\[ERROR\] .*Cannot .*([Nn]o space|ENOSPC)/);
      // What was there before is tried again, delivered, and struck out in memory until the disk can hold it.
      sink.refuse = (recipient) => Number(recipient.slice(1, recipient.indexOf("@"))) % 2 === 1;
      kasi.signal("SIGHUP");
      await eventually(() => sink.taken.length === 10);
      assert.match(await client.mail("a@one.test", ["b@one.test"], PAGES), /^45[12] 4\./);

      await kasi.kill();
      kasi = await startKasi(site);
      assert.doesNotMatch(kasi.output(), /damaged|unreadable/);
      await using second = await SmtpClient.connect(kasi.port);
      await second.hello();
      assert.match(await second.mail("a@one.test", ["b@one.test"], PAGES), /^45[12] 4\./);

      disk.free();
      sink.refuse = () => false;
      const after = await send("after", 20);
      assert.equal(after.acknowledged.size, 20);
      await eventually(
        () => {
          kasi.signal("SIGHUP");
          return sink.deliveries().size >= 40;
        },
        30_000,
        "all that was acknowledged",
      );
      const there = new Set(sink.taken.map(({ token }) => token));
      for (const { acknowledged } of [before, after]) {
        for (const token of acknowledged.keys()) assert.ok(there.has(token), `${token} was acknowledged and is lost`);
      }
      assert.equal(await kasi.stop(), 0);
      kasi = await startKasi(site);
      assert.match(kasi.output(), /queue: recovered .*messages=0 /);
    } finally {
      await kasi.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a Maildir on a full disk refuses for now, keeps nothing half, and takes mail again when there is space", {
  skip: NO_MOUNT,
}, async () => {
  const dir = temporaryDir("kasi-full-");
  try {
    using disk = smallDisk(join(dir, "mail"), 2);
    await using kasi = await startKasi({
      dir,
      files: { "config/plugins": "rcpt_to.in_host_list\nqueue/maildir\n", "config/log.ini": "[main]\nlevel=notice\n" },
    });
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    assert.match(await client.mail("a@one.test", ["b@kasi.test"], MAIL), /^250/);
    disk.fill();
    const long = HEADER + "A line that finds no place.\r\n".repeat(500);
    assert.match(await client.mail("a@one.test", ["b@kasi.test"], long), /^452 4\.3\.1/);
    await kasi.untilLogged(/\[ERROR\] .*Cannot write to a Maildir: .*([Nn]o space|ENOSPC)/);
    const maildir = join(dir, "mail/kasi.test/b");
    assert.deepEqual(readdirSync(join(maildir, "tmp")), []);
    assert.equal(readdirSync(join(maildir, "new")).length, 1);
    disk.free();
    assert.match(await client.mail("a@one.test", ["b@kasi.test"], long), /^250/);
    assert.equal(readdirSync(join(maildir, "new")).length, 2);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a key that cannot be read or does not fit, or a value that makes no sense, stops the start and says where", {
  timeoutMs: 120_000,
}, async () => {
  const pki = await makePki();
  const starts = (files: Record<string, string>) => startKasi({ files: relaySite(9, files) });
  const refused = async (files: Record<string, string>, ...patterns: RegExp[]) => {
    await assert.rejects(async () => {
      await using kasi = await starts(files);
      assert.fail(`it started:\n${kasi.output()}`);
    }, (cause: Error) => {
      for (const pattern of [/Kasi ended \(1\)/, ...patterns]) assert.match(cause.message, pattern);
      assert.doesNotMatch(cause.message, /^\s+at .*\/src\//m, "an operator's slip needs no stack");
      return true;
    });
  };
  const tlsIni = "[main]\nkey=our_key.pem\ncert=our_cert.pem\n";
  await refused({ "config/tls.ini": tlsIni }, /our_(key|cert)\.pem/, /wanted: a PEM file/);
  await refused(
    { "config/tls.ini": tlsIni, "config/our_cert.pem": pki.leaf.cert, "config/our_key.pem": pki.other.key },
    /our_(key|cert)\.pem/,
  );
  await refused(
    { "config/tls.ini": tlsIni, "config/our_cert.pem": pki.leaf.cert, "config/our_key.pem": "no key at all\n" },
    /our_key\.pem/,
  );
  await refused({ "config/smtp.ini": "listen=127.0.0.1:0\nnodes=many\n" }, /smtp\.ini:2:.*nodes.*"many".*wanted:/);
  await refused({ "config/plugins": "no_such_plugin\n" }, /no_such_plugin/);
  await refused(
    { "config/plugins": "broken\n", "plugins/broken.ts": "export default {\n" },
    /broken/,
  );
  await refused({ "config/connection.ini": "[max]\nbytes=lots\n" }, /connection\.ini:2:.*bytes.*"lots".*wanted:/);
});

test("a client that drops in the middle of DATA leaves nothing behind but a line in the log", async () => {
  await using sink = await TokenSink.start();
  await using kasi = await startKasi({ files: relaySite(sink.port) });
  const body = join(kasi.dir, "queue/body");
  {
    await using client = await inMail(kasi.port);
    await client.say("RCPT TO:<b@one.test>");
    await client.say("DATA");
    await client.write(HEADER + "A line of a message that is never finished.\r\n".repeat(60_000));
    await eventually(() => existsSync(body) && readdirSync(body).length === 1, 5000, "a body on its way");
  }
  await kasi.untilLogged(/disconnect ip=127\.0\.0\.1 .*msgs=0\/0\/0/);
  await eventually(() => readdirSync(body).length === 0, 5000, "the body to be gone");
  {
    await using client = await inMail(kasi.port);
    await client.say("RCPT TO:<b@one.test>");
    await client.say("DATA");
    await client.write(MAIL + ".\r");
  }
  await eventually(() => [...kasi.output().matchAll(/disconnect ip/g)].length === 2);
  await servesOthers(kasi.port);
  await eventually(() => sink.taken.length === 1);
  await pause(100);
  assert.equal(sink.taken.length, 1);
});

const CROWD = LONG ? 5000 : 500;
/** Node's heap keeps the pages it once had: of a large crowd's memory we can ask only that the next one fits into it. */
const KEEPS_PAGES = LONG && !("Deno" in globalThis);

test(`${CROWD} idle connections: others are served, and memory and descriptors come back`, {
  timeoutMs: 180_000,
  skip: openFiles() < CROWD + 200 ? `only ${openFiles()} files may be open here` : undefined,
}, async () => {
  await using sink = await TokenSink.start();
  await using kasi = await startKasi({ files: relaySite(sink.port) });
  await servesOthers(kasi.port);
  await pause(6000); // the connection to the next hop is kept for five seconds
  const files = descriptorsOf(kasi.pid);
  let base = rssOf(kasi.pid);
  for (let round = 0; round < (KEEPS_PAGES ? 2 : 1); round++) {
    const crowd = await gather(kasi.port, CROWD);
    assert.ok(descriptorsOf(kasi.pid) >= files + CROWD);
    const began = performance.now();
    await servesOthers(kasi.port);
    const served = performance.now() - began;
    const crowded = rssOf(kasi.pid);
    await Promise.all(crowd.map(hangUp));
    await eventually(() => descriptorsOf(kasi.pid) <= files + 1, 20_000, "the descriptors");
    await pause(6000);
    assert.ok(descriptorsOf(kasi.pid) <= files, `${files} descriptors before, ${descriptorsOf(kasi.pid)} after`);
    const limit = Math.max(base * 1.3, base + 40);
    const left = await eventually(
      () => (rssOf(kasi.pid) <= limit || (KEEPS_PAGES && round === 0)) && rssOf(kasi.pid),
      40_000, // the engine collects when it has been idle for a while
      `memory: ${base.toFixed(0)} MiB before, ${crowded.toFixed(0)} MiB with them`,
    );
    console.log(
      `${CROWD} idle connections: RSS ${base.toFixed(0)} → ${crowded.toFixed(0)} → ${left.toFixed(0)} MiB, ` +
        `${((crowded - base) * 1024 / CROWD).toFixed(1)} KiB each; another client served in ${served.toFixed(0)} ms`,
    );
    base = left;
  }
  await servesOthers(kasi.port);
});

/** So many clients that have been greeted and say nothing. */
async function gather(port: number, count: number): Promise<net.Socket[]> {
  const crowd: net.Socket[] = [];
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = net.connect({ port, host: "127.0.0.1" });
      crowd.push(socket);
      socket.once("error", reject);
      socket.once("data", () => resolve());
    });
  for (let i = 0; i < count; i += 100) await Promise.all(Array.from({ length: 100 }, one));
  return crowd;
}

function hangUp(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.destroy();
  });
}

function openFiles(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1] ?? 0);
}

test("a command line of 10 MB is refused and hung up on, in bounded memory", async () => {
  await using sink = await TokenSink.start();
  await using kasi = await startKasi({ files: relaySite(sink.port) });
  await servesOthers(kasi.port);
  const idle = rssOf(kasi.pid);
  using watch = new RssWatch(kasi.pid, 5);
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  const writing = client.write(new Uint8Array(10_000_000).fill(0x41));
  assert.match(await client.reply() ?? "", /^5(00|21) .*too long/);
  assert.deepEqual(await client.rest(), []);
  await writing;
  assert.ok(watch.peak - idle < 20, `RSS grew from ${idle} to ${watch.peak} MiB`);
  await servesOthers(kasi.port);
});

test("a client that never reads is not buffered for: it blocks, others are served, and it is let go of", async () => {
  await using sink = await TokenSink.start();
  await using kasi = await startKasi({
    files: relaySite(sink.port),
    smtpIni: "inactivity_timeout=3\n",
  });
  await servesOthers(kasi.port);
  const idle = rssOf(kasi.pid);
  using watch = new RssWatch(kasi.pid, 10);
  const socket = net.connect({ port: kasi.port, host: "127.0.0.1" });
  const gone = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.pause();
  const commands = new TextEncoder().encode("EHLO slow.test\r\n" + "NOOP\r\n".repeat(10_000));
  let sent = 0;
  let blocked = false;
  for (; sent < 400 && !blocked && !socket.destroyed; sent++) {
    blocked = !await new Promise<boolean>((resolve) => {
      const late = setTimeout(() => resolve(false), 1000);
      socket.write(commands, () => {
        clearTimeout(late);
        resolve(true);
      });
    });
  }
  assert.ok(blocked, `${sent} batches of commands went through and nobody read a reply`);
  await servesOthers(kasi.port);
  await kasi.untilLogged(/disconnect ip=127\.0\.0\.1 rdns=\S+ helo=slow\.test/, 15_000);
  socket.destroy();
  await gone;
  assert.ok(watch.peak - idle < 40, `RSS grew from ${idle} to ${watch.peak} MiB`);
  await servesOthers(kasi.port);
});

for (
  const [dotMs, how] of [[400, "that end in time are waited for"], [60_000, "that do not end are given up"]] as const
) {
  test(`SIGTERM: deliveries ${how}, the process ends in time and nothing is lost`, { timeoutMs: 90_000 }, async () => {
    await using sink = await TokenSink.start();
    const dir = temporaryDir("kasi-term-");
    const site = { dir, files: relaySite(sink.port), smtpIni: "force_shutdown_timeout=2\n" };
    let kasi = await startKasi(site);
    try {
      sink.dotMs = dotMs;
      await using idle = await SmtpClient.connect(kasi.port);
      await idle.hello();
      const load = await sendLoad({
        port: kasi.port,
        connections: 10,
        messages: 40,
        reuse: true,
        recipients: (n) => [`r${n}@one.test`],
      });
      assert.equal(load.acknowledged.size, 40);
      await eventually(() => sink.connections >= 1);
      await pause(100);
      const began = performance.now();
      assert.equal(await kasi.stop(), 0);
      const took = performance.now() - began;
      assert.ok(took < 12_000, `it took ${took} ms to end`);
      assert.match((await idle.rest()).join(), /^421 /);
      const before = sink.taken.length;
      if (dotMs < 2000) assert.ok(before > 0, "running deliveries came to their end");
      sink.dotMs = 0;
      kasi = await startKasi(site);
      assert.match(kasi.output(), new RegExp(`queue: recovered .*messages=${40 - before} .*torn=0`));
      await eventually(
        () => {
          kasi.signal("SIGHUP");
          return sink.deliveries().size === 40;
        },
        30_000,
        "the rest",
      );
      assert.equal(sink.taken.length, 40, "nothing came twice");
      console.log(
        `SIGTERM with replies after ${dotMs} ms: ended in ${Math.round(took)} ms, ${before} of 40 delivered before`,
      );
    } finally {
      await kasi.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

test("a signal that comes while the server still starts is heeded once it stands", async () => {
  await using sink = await TokenSink.start();
  const started = (name: NodeJS.Signals) => {
    let sent = false;
    return startKasi({
      files: relaySite(sink.port),
      onOutput(output, signal) {
        if (!sent && output.includes("Starting up")) signal(name);
        sent ||= output.includes("Starting up");
      },
    });
  };
  await using flushed = await started("SIGHUP");
  await flushed.untilLogged(/Flushing the temp fail queue/);
  await servesOthers(flushed.port);
  await using stopped = await started("SIGTERM");
  await assert.rejects(stopped.untilLogged(/nobody says this/), /^Error: Kasi ended \(0\) before/);
});
