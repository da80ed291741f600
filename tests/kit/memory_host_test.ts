import assert from "node:assert/strict";
import { latin1Encode, utf8Decode } from "../../src/base/bytes.ts";
import { sleep } from "../../src/base/clock.ts";
import { FakeClock } from "./fake_clock.ts";
import { ioError, MemoryDisk, noSpace } from "./memory_disk.ts";
import { ExitCalled, memoryMachine } from "./memory_host.ts";
import { connectionPair } from "./memory_net.ts";
import { memoryServerTls } from "./memory_tls.ts";
import { test } from "./test.ts";
import { zone } from "./zone.ts";

test("the fake clock fires timers in order and lets what they wake arm others", async () => {
  const clock = new FakeClock();
  const seen: string[] = [];
  clock.after(20, () => seen.push("b"));
  clock.after(10, () => seen.push("a"));
  clock.after(10, () => seen.push("a2")).cancel();
  const chain = sleep(clock, 15).then(() => sleep(clock, 10)).then(() => seen.push("c"));
  assert.equal(clock.untilNext, 10);
  await clock.advance(24);
  assert.deepEqual(seen, ["a", "b"]);
  await clock.advance(1);
  await chain;
  assert.deepEqual(seen, ["a", "b", "c"]);
  assert.equal(clock.monotonic(), 25);
  assert.equal(clock.pending, 0);
});

test("a zone counts its calls, follows aliases and knows its failures", async () => {
  const dns = zone({
    "Example.com.": { MX: ["10 MX.example.com.", "0 ."], authentic: true, ttl: 7 },
    "www.example.com": { CNAME: ["example.com"] },
    "deep.under.test": { A: ["192.0.2.7"] },
    "broken.test": "servfail",
    "mute.test": "silent",
  });
  assert.deepEqual(await dns.resolve("www.EXAMPLE.com", "MX"), {
    kind: "records",
    records: [{ preference: 10, exchange: "mx.example.com" }, { preference: 0, exchange: "" }],
    ttl: 7,
    authentic: true,
  });
  assert.equal((await dns.resolve("example.com", "A")).kind, "nodata");
  assert.equal((await dns.resolve("under.test", "A")).kind, "nodata");
  assert.equal((await dns.resolve("nobody.test", "A")).kind, "nxdomain");
  assert.deepEqual(await dns.resolve("broken.test", "A"), {
    kind: "failed",
    reason: "servfail",
    detail: "SERVFAIL from the zone",
  });
  await assert.rejects(dns.resolve("mute.test", "A", { signal: AbortSignal.timeout(1) }));
  assert.equal(dns.count("example.com"), 1);
  assert.equal(dns.count("example.com", "MX"), 0);
  assert.equal(dns.calls[0], "MX www.example.com");
});

test("a connection in memory holds its writer back, keeps order, ends and resets", async () => {
  const [client, server] = connectionPair({ chunk: 3 });
  const writer = client.writable.getWriter();
  const payload = new Uint8Array(200_000).map((_, i) => i % 251);
  let written = false;
  const writing = writer.write(payload).then(() => written = true);
  const reader = server.readable.getReader({ mode: "byob" });
  const first = await reader.read(new Uint8Array(100));
  assert.deepEqual(first.value, payload.slice(0, 3));
  assert.equal(written, false);
  reader.releaseLock();
  let at = 3;
  const ended = writing.then(() => client.closeWrite());
  for await (const piece of server.readable) {
    assert.deepEqual(piece, payload.slice(at, at + piece.length));
    at += piece.length;
  }
  await ended;
  assert.equal(at, payload.length);
  server.close();
  assert.throws(() => server.close());

  const [one, two] = connectionPair();
  one.reset();
  await assert.rejects(two.readable.getReader().read(), /reset/);
});

test("dialling in memory meets listeners, refusals and silence", async () => {
  const machine = memoryMachine();
  const listener = machine.host.listen({ hostname: "192.0.2.1", port: 25 });
  const accepted = listener.accept();
  const near = await machine.dial({
    to: { hostname: "192.0.2.1", port: 25 },
    localAddress: "198.51.100.9",
    timeoutMs: 1000,
  });
  const far = await accepted;
  assert.equal((far.remoteAddr as { hostname: string }).hostname, "198.51.100.9");
  near.close();
  assert.equal((await far.readable.getReader().read()).done, true);
  far.close();
  listener.close();
  await assert.rejects(machine.dial({ to: { hostname: "192.0.2.1", port: 25 }, timeoutMs: 1000 }), /refused/);
  machine.net.silent.add("192.0.2.2:25");
  const late = assert.rejects(machine.dial({ to: { hostname: "192.0.2.2", port: 25 }, timeoutMs: 1000 }), /timed out/);
  await machine.clock.advance(1000);
  await late;
});

test("TLS in memory settles names, refuses what does not verify and closes on rubbish", async () => {
  const machine = memoryMachine();
  const server = memoryServerTls(machine.clock, { names: ["mx.test"], requestCert: true });
  const secure = async (servername: string, verify: "required" | "opportunistic", cert?: string) => {
    const [near, far] = connectionPair();
    const options = { servername, verify, handshakeTimeoutMs: 1000, ...(cert === undefined ? {} : { cert }) };
    const upgraded = server.upgrade(far, { handshakeTimeoutMs: 1000 });
    const client = await machine.secureClient(near, options).catch((reason) => reason as Error);
    return [client, (await upgraded).tls] as const;
  };
  const [, anonymous] = await secure("mx.test", "required");
  assert.equal(anonymous.authorized, false);
  assert.equal(anonymous.servername, "mx.test");
  assert.equal((await secure("mx.test", "required", "PEM"))[1].authorized, true);
  assert.match(String((await secure("other.test", "required"))[0]), /ALTNAME/);

  const [near, far] = connectionPair();
  const refused = assert.rejects(server.upgrade(far, { handshakeTimeoutMs: 1000 }), /handshake/);
  await near.writable.getWriter().write(latin1Encode("garbage\n"));
  await refused;
  assert.equal(far.closed, true);
});

test("the memory disk keeps, renames, links and fails where it is told to", async () => {
  const disk = new MemoryDisk();
  disk.mkdirSync("/a/b", { recursive: true });
  disk.writeTextFileSync("/a/b/one", "hello");
  disk.linkSync("/a/b/one", "/a/two");
  disk.renameSync("/a/b/one", "/a/b/three");
  assert.equal(disk.readTextFileSync("a/two"), "hello");
  assert.deepEqual([...disk.readDirSync("/a")].map((e) => e.name), ["b", "two"]);
  assert.throws(() => disk.openSync("/a/two", { write: true, createNew: true }), { name: "AlreadyExists" });
  assert.throws(() => disk.readFileSync("/nothing"), { name: "NotFound" });

  const file = disk.openSync("/log", { write: true, create: true, append: true });
  disk.before = (o) => o.kind === "write" ? 2 : undefined;
  assert.equal(file.writeSync(latin1Encode("torn")), 2);
  disk.before = (o) => {
    if (o.kind === "sync") throw ioError();
    if (o.kind === "write") throw noSpace();
  };
  assert.throws(() => file.writeSync(latin1Encode("x")), { code: "ENOSPC" });
  await assert.rejects(file.syncData(), { code: "EIO" });
  file.close();
  disk.before = () => {};
  assert.equal(utf8Decode(disk.readFileSync("/log")), "to");
  assert.equal(disk.open, 0);
  disk.removeSync("/a", { recursive: true });
  assert.equal(disk.files.size, 1);
});

test("the memory host prints, signals, exits and watches", async () => {
  const machine = memoryMachine({ env: { HOME: "/root" } });
  machine.host.stdout.writeSync(latin1Encode("hi"));
  assert.equal(machine.printed.stdout, "hi");
  assert.equal(machine.host.env.get("HOME"), "/root");
  assert.throws(() => machine.host.exit(3), ExitCalled);
  let hups = 0;
  const onHup = () => hups++;
  machine.host.addSignalListener("SIGHUP", onHup);
  machine.raise("SIGHUP");
  machine.host.removeSignalListener("SIGHUP", onHup);
  machine.raise("SIGHUP");
  assert.equal(hups, 1);
  machine.host.mkdirSync("/config");
  const watcher = machine.host.watchFs("/config");
  machine.host.writeTextFileSync("/config/x", "1");
  for await (const change of watcher) {
    assert.deepEqual(change, { kind: "create", paths: ["/config/x"] });
    watcher.close();
    break;
  }
});
