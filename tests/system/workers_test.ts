/** Workers, over real sockets: `nodes` in smtp.ini, a worker's death, a rolling restart, shards that find new owners, limits that hold for all. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import { join } from "node:path";
import { pause, sendLoad } from "../kit/load.ts";
import { freePort, runKasi } from "../kit/mail_programs.ts";
import { startNextHop } from "../kit/next_hop.ts";
import { relaySite } from "../kit/relay_site.ts";
import { eventually, type RunningSite, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { TokenSink } from "../kit/tokens.ts";

/** Says which worker it runs in, and ends it when told to. */
const PROBE = `
  import process from "node:process";
  import { deny, type Plugin } from "kasi";
  const worker = crypto.randomUUID();
  export default {
    name: "probe",
    hooks: {
      mail: ({ sender }) => sender.user === "who" ? deny("worker " + worker) : undefined,
      rcpt: ({ recipient }) => {
        const match = /^exit-(\\d)$/.exec(recipient.address.user);
        if (match) process.exit(Number(match[1]));
      },
    },
  } satisfies Plugin;
`;

function files(nodes: number | string, port: number, nextHop: number, more: Record<string, string> = {}) {
  return {
    ...relaySite(nextHop),
    "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=${nodes}\n`,
    "config/plugins": "probe\nto_next_hop\n",
    "config/outbound.ini": "[main]\ntemp_fail_intervals=1h*10\n",
    "plugins/probe.ts": PROBE,
    ...more,
  };
}

interface Session {
  readonly client: SmtpClient;
  readonly worker: string;
}

async function open(port: number): Promise<Session> {
  const client = await SmtpClient.connect(port);
  await client.hello();
  const worker = /worker (\S+)/.exec(await client.say("MAIL FROM:<who@kasi.test>"))?.[1] ?? "";
  return { client, worker };
}

/** A session with each of `count` workers. */
async function oneOfEach(port: number, count: number, tries = 60): Promise<Session[]> {
  const found = new Map<string, Session>();
  for (let i = 0; i < tries && found.size < count; i++) {
    const session = await open(port);
    if (found.has(session.worker)) await session.client[Symbol.asyncDispose]();
    else found.set(session.worker, session);
  }
  return [...found.values()];
}

/** A test that fails leaves no load behind. */
const endOf = (over: AbortController, load: Promise<unknown>) => ({
  async [Symbol.asyncDispose]() {
    over.abort();
    await load.catch(() => {});
  },
});

const closeEach = (sessions: readonly Session[]) =>
  Promise.all(sessions.map(({ client }) => client[Symbol.asyncDispose]()));

async function inDirectory(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = temporaryDir("kasi-workers-");
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

for (const [nodes, count] of [[0, 1], [1, 1], [2, 2], ["cpus", os.availableParallelism()]] as const) {
  test(`[row 20] nodes=${nodes}: as many threads take connections, each with a shard of the queue`, async () => {
    const port = await freePort();
    await using kasi = await startKasi({ files: files(nodes, port, 1) });
    const sessions = await oneOfEach(port, count + 1, 40);
    assert.equal(sessions.length, count);
    await closeEach(sessions);
    const shards = readdirSync(join(kasi.dir, "queue")).filter((name) => /^w\d+$/.test(name)).sort();
    assert.deepEqual(shards, nodes === 0 ? [] : Array.from({ length: count }, (_, i) => `w${i + 1}`));
    assert.deepEqual(kasi.ports, [port], "it says once where it listens");
    assert.equal(await kasi.stop(), 0);
  });
}

test(
  "[row 21] [row 22] a worker that dies under load is replaced, keeps what it had queued, and is nobody else's loss",
  {
    timeoutMs: 240_000,
  },
  async () => {
    await using sink = await TokenSink.start();
    sink.refuse = (recipient) => recipient.startsWith("b");
    const port = await freePort();
    await using kasi = await startKasi({ files: files(2, port, sink.port) });
    const over = new AbortController();
    const load = sendLoad({
      port,
      connections: 6,
      reuse: true,
      recipients: (n) => [`a${n}@one.test`, `b${n}@two.test`],
      pauseMs: 5,
      signal: over.signal,
    });
    await using _ = endOf(over, load);
    const sessions = await oneOfEach(port, 2);
    const [victim, other] = sessions as [Session, Session];
    await eventually(() => sink.refused > 40, 20_000, "deferred mail in both shards");
    await victim.client.say("MAIL FROM:<me@kasi.test>");
    const died = performance.now();
    assert.equal(await victim.client.say("RCPT TO:<exit-3@one.test>"), "", "its session ends with it");
    await kasi.untilLogged(/\[CRIT\] .*Worker \d died with code 3/);
    await kasi.untilLogged(/Worker \d was replaced/);
    assert.match(
      await other.client.mail("me@kasi.test", ["a@one.test"], "Subject: x\r\nX-Token: other\r\n\r\nx\r\n"),
      /^250/,
      "the other worker's session goes on",
    );
    const after = await oneOfEach(port, 2);
    assert.equal(after.length, 2);
    assert.ok(!after.some(({ worker }) => worker === victim.worker), "the dead one takes no more mail");
    assert.ok(after.some(({ worker }) => worker === other.worker), "the other is still the same");
    await pause(300);
    over.abort();
    const { acknowledged, refused, broken } = await load;
    assert.deepEqual([...refused], []);
    // Those whose connection was the dead worker's: the kernel may have given it all six.
    assert.ok(broken <= 6, `${broken} messages were broken off`);

    sink.refuse = () => false;
    await pause(200);
    kasi.signal("SIGHUP");
    const missing = () => {
      const there = sink.deliveries();
      return [...acknowledged].flatMap(([token, all]) => all.map((one) => `${token} ${one}`)).filter((one) =>
        !there.has(one)
      );
    };
    await eventually(() => missing().length === 0, 30_000, "all that was acknowledged");
    await pause(300);
    const doubles = [...sink.deliveries()].filter(([, times]) => times.length > 1);
    for (const [key, times] of doubles) {
      // Delivered, and not on record yet when it died.
      assert.ok(times[0]! < died + 100 && died - times[0]! < 3000, `${key} came twice: ${times}, death ${died}`);
      assert.match(key, / a/, "what was deferred is delivered once");
    }
    await closeEach([...sessions, ...after]);
    assert.equal(await kasi.stop(), 0);
  },
);

test("[row 21] a worker that ends with code 0 by itself is not replaced, the others go on", async () => {
  const port = await freePort();
  await using kasi = await startKasi({ files: files(2, port, 1) });
  const sessions = await oneOfEach(port, 2);
  await sessions[0]!.client.say("MAIL FROM:<me@kasi.test>");
  await sessions[0]!.client.say("RCPT TO:<exit-0@one.test>");
  await kasi.untilLogged(/Worker \d ended by itself, with code 0: it is not replaced/);
  const left = await oneOfEach(port, 2, 12);
  assert.deepEqual(left.map(({ worker }) => worker), [sessions[1]!.worker]);
  await closeEach([...sessions, ...left]);
});

test("[row 13] a graceful restart under load replaces every worker, and no session is dropped", {
  timeoutMs: 240_000,
}, async () => {
  await using sink = await TokenSink.start();
  const port = await freePort();
  await using kasi = await startKasi({ files: files(2, port, sink.port) });
  await eventually(() => existsSync(join(kasi.dir, "control.sock")));
  const over = new AbortController();
  // A new connection for each message: sessions come and go all the time.
  const load = sendLoad({
    port,
    connections: 4,
    reuse: false,
    recipients: (n) => [`a${n}@one.test`],
    pauseMs: 3,
    signal: over.signal,
  });
  await using _ = endOf(over, load);
  const before = await oneOfEach(port, 2);
  const [slow, quick] = before as [Session, Session];
  const { code, stderr } = await Promise.all([
    runKasi(["--graceful", "-c", kasi.dir]),
    (async () => {
      await quick.client.say("QUIT");
      await kasi.untilLogged(/Worker 1 is being replaced/);
      await pause(500);
      // Its worker may be waiting for just this session: it is served to its end.
      assert.match(
        await slow.client.mail("me@kasi.test", ["a@one.test"], "Subject: x\r\nX-Token: slow\r\n\r\nx\r\n"),
        /^250/,
      );
      assert.match(await slow.client.say("QUIT"), /^221/);
    })(),
  ]).then(([done]) => done);
  assert.equal(code, 0, stderr);
  await kasi.untilLogged(/All workers were replaced/);
  over.abort();
  const { acknowledged, refused, broken } = await load;
  const after = await oneOfEach(port, 2);
  assert.equal(after.length, 2);
  for (const { worker } of after) assert.ok(!before.some((each) => each.worker === worker), "a fresh one");
  assert.deepEqual([...refused], []);
  assert.equal(broken, 0, "sessions that were broken off");
  await eventually(() => sink.deliveries().size >= acknowledged.size + 1, 20_000, "all of it delivered");
  assert.ok([...sink.deliveries().values()].every((times) => times.length === 1), "nothing came twice");
  await closeEach([...before, ...after]);
  assert.equal(await kasi.stop(), 0);
});

test("[row 13] a restart is refused when a fresh worker would not start, and without workers", async () => {
  const port = await freePort();
  const dir = temporaryDir("kasi-workers-");
  try {
    for (const nodes of [2, 0]) {
      const kasi = await startKasi({ dir, files: files(nodes, port, 1) });
      await eventually(() => existsSync(join(dir, "control.sock")));
      try {
        if (nodes === 2) {
          const before = await oneOfEach(port, 2);
          const { writeFileSync } = await import("node:fs");
          writeFileSync(join(dir, "plugins/probe.ts"), "export default {");
          const { code, stderr, stdout } = await runKasi(["--graceful", "-c", dir]);
          assert.notEqual(code, 0);
          assert.match(stderr + stdout, /probe/);
          const after = await oneOfEach(port, 2);
          assert.deepEqual(
            after.map(({ worker }) => worker).sort(),
            before.map(({ worker }) => worker).sort(),
            "the same workers serve on",
          );
          await closeEach([...before, ...after]);
        } else {
          const { code, stderr, stdout } = await runKasi(["--graceful", "-c", dir]);
          assert.notEqual(code, 0);
          assert.match(stderr + stdout, /nodes/);
        }
      } finally {
        await kasi.stop();
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("[row 22] from two workers to one to none and back: what was queued is found, and delivered once", {
  timeoutMs: 240_000,
}, () =>
  inDirectory(async (dir) => {
    await using sink = await TokenSink.start();
    sink.refuse = () => true;
    const port = await freePort();
    const tokens = new Set<string>();
    for (const nodes of [0, 2, 1, 0]) {
      const kasi = await startKasi({ dir, files: files(nodes, port, sink.port) });
      try {
        const refusedSoFar = sink.refused;
        // One of them too large for the journal: its body lies in a file of its own.
        const load = await sendLoad({
          port,
          connections: 6,
          messages: 12,
          reuse: false,
          prefix: `n${tokens.size}-`,
          size: (n) => n % 12 === 5 ? 1_200_000 : 500,
          recipients: (n) => [`a${n}@one.test`],
        });
        for (const token of load.acknowledged.keys()) tokens.add(token);
        await eventually(() => sink.refused >= refusedSoFar + 12, 10_000, "their first attempts");
        assert.equal(await kasi.stop(), 0);
      } finally {
        await kasi.stop();
      }
    }
    assert.equal(tokens.size, 48);
    assert.deepEqual(readdirSync(join(dir, "queue")).filter((name) => /^w|adopt/.test(name)), []);
    sink.refuse = () => false;
    const kasi = await startKasi({ dir, files: files(2, port, sink.port) });
    try {
      await kasi.untilLogged(/2 workers serve/);
      kasi.signal("SIGHUP");
      await eventually(() => sink.deliveries().size >= 48, 20_000, "all that was queued");
      await pause(300);
      assert.ok([...sink.deliveries().values()].every((times) => times.length === 1), "nothing came twice");
      assert.equal(await kasi.stop(), 0);
    } finally {
      await kasi.stop();
    }
  }));

test("a submission that comes again, through any worker and after a start with fewer, is queued once", () =>
  inDirectory(async (dir) => {
    await using sink = await TokenSink.start();
    const port = await freePort();
    const more = { "config/outbound.ini": "idempotency_header=Idempotency-Key\n" };
    const mail = (key: string) => `Subject: x\r\nX-Token: ${key}\r\nIdempotency-Key: ${key}\r\n\r\nx\r\n`;
    const submit = async ({ client }: Session, key: string) =>
      /^250 .*\((\S+)\)/.exec(await client.mail("me@kasi.test", ["a@one.test"], mail(key)))?.[1];
    let first: string | undefined;
    for (const nodes of [2, 1]) {
      const kasi = await startKasi({ dir, files: files(nodes, port, sink.port, more) });
      try {
        const sessions = await oneOfEach(port, nodes);
        assert.equal(sessions.length, nodes);
        for (const session of sessions) {
          const id = await submit(session, "one");
          first ??= id;
          assert.ok(first !== undefined);
          assert.equal(id, first);
        }
        if (nodes === 2) {
          // At the same time.
          const ids = await Promise.all(sessions.map((session) => submit(session, "two")));
          assert.ok(ids[0] !== undefined && ids[0] !== first);
          assert.equal(ids[0], ids[1]);
          await eventually(() => sink.deliveries().size === 2, 10_000, "both mails");
        }
        await closeEach(sessions);
        assert.equal(await kasi.stop(), 0);
      } finally {
        await kasi.stop();
      }
    }
    assert.deepEqual([...sink.deliveries().values()].map((times) => times.length), [1, 1]);
  }));

for (const hook of ["init_master", "init_child"]) {
  test(`[row 30] ${hook} that refuses ends the start with code 1, with workers and without`, async () => {
    for (const nodes of [0, 2]) {
      const refusing = `
        import { deny, type Plugin } from "kasi";
        export default { name: "refusing", hooks: { ${hook}: () => deny("no") } } satisfies Plugin;
      `;
      const starting = startKasi({
        files: files(nodes, await freePort(), 1, { "config/plugins": "refusing\n", "plugins/refusing.ts": refusing }),
      });
      await assert.rejects(starting, (fault: Error) => {
        assert.match(fault.message, /^Kasi ended \(1\)/);
        assert.match(fault.message, new RegExp(`refusing.*refused to start at ${hook}`));
        return true;
      });
    }
  });
}

/** Counts the messages that are between DATA and its 250 at one time. */
async function slowHop(ms: number) {
  let now = 0;
  const seen = { most: 0, taken: 0, port: 0 };
  const server = net.createServer((socket) => {
    let inData = false;
    let held = "";
    socket.on("error", () => {});
    socket.write("220 slow\r\n");
    socket.on("data", (bytes) => {
      held += String(bytes);
      for (;;) {
        if (inData) {
          const end = held.indexOf("\r\n.\r\n");
          if (end < 0) return;
          held = held.slice(end + 5);
          inData = false;
          setTimeout(() => {
            now--;
            seen.taken++;
            socket.write("250 taken\r\n");
          }, ms);
          continue;
        }
        const end = held.indexOf("\r\n");
        if (end < 0) return;
        const verb = held.slice(0, 4).toUpperCase();
        held = held.slice(end + 2);
        if (verb === "DATA") {
          inData = true;
          seen.most = Math.max(seen.most, ++now);
        }
        socket.write(verb === "DATA" ? "354 go\r\n" : verb === "QUIT" ? "221 bye\r\n" : "250 ok\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  seen.port = (server.address() as net.AddressInfo).port;
  return { seen, close: () => server.close() };
}

test("concurrency_max holds for all workers together, and HTTP tells the numbers of all", async () => {
  const hop = await slowHop(60);
  const port = await freePort();
  const kasi = await startKasi({
    files: files(2, port, hop.seen.port, {
      "config/outbound.ini": "[main]\nconcurrency_max=3\ntemp_fail_intervals=1h*10\n",
      "config/http.ini": "listen=127.0.0.1:0\n",
    }),
  });
  try {
    const load = await sendLoad({
      port,
      connections: 8,
      messages: 60,
      reuse: true,
      recipients: (n) => [`a@${n % 5}.test`],
    });
    assert.equal(load.acknowledged.size, 60);
    const [, http] = await kasi.untilLogged(/HTTP on \S+:(\d+)/);
    const status = async () => await (await fetch(`http://127.0.0.1:${http}/status`)).json();
    assert.equal((await status()).counts.messages, 60);
    await eventually(() => hop.seen.taken === 60, 20_000, "all deliveries");
    assert.ok(hop.seen.most <= 3, `${hop.seen.most} at one time`);
    assert.equal(hop.seen.most, 3);
    await eventually(async () => (await status()).counts.delivered === 60, 5000, "the count of deliveries");
    assert.equal(await kasi.stop(), 0);
  } finally {
    await kasi[Symbol.asyncDispose]();
    hop.close();
  }
});

test("a plugin's fault in a worker is logged by the main thread with its stack, and the worker lives on", async () => {
  const port = await freePort();
  const throwing = `
    import type { Plugin } from "kasi";
    export default {
      name: "throwing",
      hooks: { connect: () => void setTimeout(() => { throw new Error("out of band"); }, 10) },
    } satisfies Plugin;
  `;
  await using kasi: RunningSite = await startKasi({
    files: files(1, port, 1, { "config/plugins": "throwing\nprobe\n", "plugins/throwing.ts": throwing }),
  });
  const [session] = await oneOfEach(port, 1);
  await kasi.untilLogged(/\[CRIT\].*Error: out of band/);
  await kasi.untilLogged(/\[CRIT\].*at .*throwing\.ts/);
  const later = await open(port);
  assert.equal(later.worker, session!.worker);
  await closeEach([session!, later]);
});

/** Sends what it is told to from a route, in the main thread, and says what became of it. */
const SENDER = `
  import type { Plugin } from "kasi";
  export default {
    name: "sender",
    setup({ outbound }) {
      return {
        init_http({ server: { http } }) {
          http.use("/send", async (request, { params }) => {
            const to = new URL(request.url).searchParams.get("to") ?? "";
            return Response.json(await outbound.send({ from: "me@kasi.test", to, content: request.body ?? "" }));
          });
          http.get("/stats", async () => Response.json(await outbound.stats()));
        },
      };
    },
  } satisfies Plugin;
`;

test("[row 222] a route of the main thread sends mail: a worker queues it, large streams too", async () => {
  await using hop = await startNextHop();
  const port = await freePort();
  await using kasi = await startKasi({
    files: files(2, port, hop.port, {
      "config/plugins": "sender\nto_next_hop\n",
      "plugins/sender.ts": SENDER,
      "config/http.ini": "listen=127.0.0.1:0\n",
    }),
  });
  const [, http] = await kasi.untilLogged(/HTTP on \S+:(\d+)/);
  const send = async (to: string, body: string | ReadableStream<Uint8Array>) => {
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    return await (await fetch(`http://127.0.0.1:${http}/send?to=${to}`, init)).json();
  };
  assert.equal((await send("no address", "x")).kind, "refused");
  const small = await send("you@far.test", "Subject: small\n\n.dot\n");
  assert.equal(small.kind, "queued");
  const chunk = new TextEncoder().encode(`${"0123456789".repeat(7)}\n`.repeat(1000));
  const large = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("Subject: large\n\n")),
    pull(controller) {
      controller.enqueue(chunk);
      if (++sent === 40) controller.close();
    },
  });
  let sent = 0;
  assert.equal((await send("you@far.test", large)).kind, "queued");
  const mails = await hop.untilMails(2);
  const contents = mails.map(({ content }) => content).sort((a, b) => a.length - b.length);
  assert.match(contents[0]!, /\r\nSubject: small\r\n[^]*\r\n\r\n\.dot\r\n$/);
  assert.equal(contents[1]!.split("\r\n\r\n")[1], `${"0123456789".repeat(7)}\r\n`.repeat(40_000));
  assert.deepEqual(mails.map(({ recipients }) => recipients), [["you@far.test"], ["you@far.test"]]);
  assert.deepEqual(readdirSync(join(kasi.dir, "queue/handover")), []);
  const stats = async () => await (await fetch(`http://127.0.0.1:${http}/stats`)).json();
  await eventually(async () => (await stats()).inProgress === 0, 5000, "an empty queue");
  assert.deepEqual(await stats(), { inProgress: 0, queued: 0, tempFail: 0, held: 0 });
});
