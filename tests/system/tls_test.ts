/** TLS over real sockets, on both doors: what runtime.md §A and §B list. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Certificates, type TlsFiles } from "../../src/host/certificates.ts";
import { closeConn } from "../../src/host/conn.ts";
import { thisMachine } from "../../src/host/machine.ts";
import { serverTls } from "../../src/host/tls_server.ts";
import type { ClientUpgrade, Conn, NetAddr, SecureConn, ServerUpgrade } from "../../src/host/types.ts";
import { makePki } from "../kit/pki.ts";
import { test } from "../kit/test.ts";

const machine = await thisMachine();
const pki = await makePki();
const LONG = machine.host.env.get("KASI_LONG") === "1";
const GO = latin1Encode("220 go ahead\r\n");

const pem = (pair: { key: string; cert: string }, file: string) => ({
  key: { file: `${file}.key`, text: pair.key },
  cert: { file: `${file}.pem`, text: pair.cert },
});
const CA = { file: "ca.pem", text: pki.ca };
const IDENTITIES = [pem(pki.leaf, "leaf"), pem(pki.other, "other")];
const certificates = (files: Partial<TlsFiles> = {}) =>
  new Certificates({ identities: IDENTITIES, ...files }, () => Date.now(), () => {});

type Outcome = SecureConn | Error;
interface Server {
  readonly port: number;
  /** What came of each upgrade, in order. */
  outcome(): Promise<Outcome>;
  stop(): Promise<void>;
}

/** Takes connections, upgrades each, and gives the secure ones to `serve`. */
function server(
  files: Partial<TlsFiles> = {},
  serve: (conn: SecureConn) => Promise<void> = echo,
  options: Partial<ServerUpgrade> = {},
): Server {
  const listener = machine.host.listen({ hostname: "127.0.0.1", port: 0 });
  const side = serverTls(certificates(files));
  const outcomes: Outcome[] = [];
  const waiting: ((outcome: Outcome) => void)[] = [];
  const running = new Set<Promise<void>>();
  const tell = (outcome: Outcome) => waiting.length > 0 ? waiting.shift()!(outcome) : void outcomes.push(outcome);
  const one = async (conn: Conn) => {
    try {
      const secure = await side.upgrade(conn, { reply: GO, handshakeTimeoutMs: 5_000, ...options });
      tell(secure);
      await serve(secure).catch(() => {});
      secure.close();
    } catch (reason) {
      tell(reason as Error);
      closeConn(conn);
    }
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      const run: Promise<void> = one(conn).finally(() => running.delete(run));
      running.add(run);
    }
  })();
  return {
    port: (listener.addr as NetAddr).port,
    outcome: () =>
      outcomes.length > 0 ? Promise.resolve(outcomes.shift()!) : new Promise((resolve) => waiting.push(resolve)),
    async stop() {
      listener.close();
      await accepting;
      await Promise.all(running);
      await pause(30);
    },
  };
}

async function echo(conn: SecureConn): Promise<void> {
  const writer = conn.writable.getWriter();
  const reader = conn.readable.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(16_384);
  while (true) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done || value === undefined) return;
    await writer.write(value.slice());
    buffer = value.buffer;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const secureOf = (outcome: Outcome): SecureConn => {
  if (outcome instanceof Error) throw outcome;
  return outcome;
};

/** A client of another make: node:net and node:tls as they are. Waits for the 220 and upgrades. */
async function foreign(port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const socket = await plain(port);
  return new Promise((resolve, reject) => {
    const secure = tls.connect({ socket, rejectUnauthorized: false, ...options }, () => resolve(secure));
    secure.on("error", reject);
  });
}

/** A plain socket that has read the 220. */
function plain(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", reject);
    socket.once("data", () => resolve(socket));
  });
}

function said(socket: net.Socket, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Uint8Array) => {
      text += latin1Decode(chunk);
      if (text.length >= bytes) {
        socket.off("data", onData);
        resolve(text);
      }
    };
    socket.on("data", onData);
    socket.on("close", () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  });
}

const closed = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.resume();
    socket.once("close", () => resolve());
    socket.on("error", () => {});
  });

/** Our own client against a server. */
async function ours(port: number, options: Partial<ClientUpgrade> = {}): Promise<SecureConn> {
  const conn = await machine.dial({ to: { hostname: "127.0.0.1", port }, timeoutMs: 5_000 });
  const reader = conn.readable.getReader({ mode: "byob" });
  await reader.read(new Uint8Array(GO.length), { min: GO.length } as never);
  reader.releaseLock();
  return await machine.secureClient(conn, {
    servername: "localhost",
    verify: "opportunistic",
    handshakeTimeoutMs: 5_000,
    ...options,
  });
}

async function roundTrip(conn: SecureConn, text = "EHLO there\r\n"): Promise<string> {
  const writer = conn.writable.getWriter();
  await writer.write(latin1Encode(text));
  writer.releaseLock();
  const reader = conn.readable.getReader({ mode: "byob" });
  let got = "";
  while (got.length < text.length) {
    const { value, done } = await reader.read(new Uint8Array(text.length));
    if (done || value === undefined) break;
    got += latin1Decode(value);
  }
  reader.releaseLock();
  return got;
}

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a foreign client speaks ${version} with our server`, async () => {
    const at = server();
    const client = await foreign(at.port, { minVersion: version, maxVersion: version, servername: "localhost" });
    const echoed = said(client, 5);
    client.write("hello");
    assert.equal(await echoed, "hello");
    const { tls: info } = secureOf(await at.outcome());
    assert.equal(info.protocol, version);
    assert.equal(info.servername, "localhost");
    assert.match(info.cipher.standardName, /^TLS_/);
    assert.equal(info.authorized, false);
    assert.equal(info.peerCertificate, null);
    client.end();
    await closed(client);
    await at.stop();
  });
}

test("a server that wants TLS 1.3 refuses 1.2", async () => {
  const at = server({ minVersion: "TLSv1.3" });
  await assert.rejects(foreign(at.port, { maxVersion: "TLSv1.2" }));
  assert.ok(await at.outcome() instanceof Error);
  await at.stop();
});

test("the name asked for chooses the certificate: exact, wildcard, unknown, none", async () => {
  const at = server();
  const wanted: [string | undefined, string][] = [
    ["other.test", "other.test"],
    ["a.wild.test", "other.test"],
    ["a.b.wild.test", "localhost"],
    ["unknown.test", "localhost"],
    [undefined, "localhost"],
  ];
  for (const [asked, found] of wanted) {
    const client = await foreign(at.port, asked === undefined ? {} : { servername: asked });
    assert.equal(client.getPeerCertificate().subject.CN, found, String(asked));
    assert.equal(secureOf(await at.outcome()).tls.servername, asked ?? "");
    client.end();
    await closed(client);
  }
  await at.stop();
});

test("certificates are swapped for later handshakes", async () => {
  const listener = machine.host.listen({ hostname: "127.0.0.1", port: 0 });
  const store = certificates();
  const side = serverTls(store);
  const names: string[] = [];
  for (const identities of [IDENTITIES, [IDENTITIES[1]!]]) {
    store.reload({ identities });
    const accepted = listener.accept().then((conn) => side.upgrade(conn, { reply: GO, handshakeTimeoutMs: 5_000 }));
    const client = await foreign((listener.addr as NetAddr).port);
    names.push(String(client.getPeerCertificate().subject.CN));
    (await accepted).close();
    await closed(client);
  }
  listener.close();
  assert.deepEqual(names, ["localhost", "other.test"]);
});

test("garbage in place of a ClientHello ends the connection at once", async () => {
  const at = server();
  const socket = await plain(at.port);
  socket.write("NOOP\r\nand other garbage, long enough to be read as a record header\r\n");
  await closed(socket);
  assert.ok(await at.outcome() instanceof Error);
  await at.stop();
});

test("silence in place of a ClientHello ends the connection after the time allowed", async () => {
  const at = server({}, echo, { handshakeTimeoutMs: 100 });
  const socket = await plain(at.port);
  const started = Date.now();
  await closed(socket);
  assert.ok(Date.now() - started < 3_000);
  assert.match(String(await at.outcome()), /handshake timed out/);
  await at.stop();
});

test("an aborted upgrade rejects with the signal's reason and closes the connection", async () => {
  const stop = new AbortController();
  const at = server({}, echo, { signal: stop.signal });
  const socket = await plain(at.port);
  stop.abort(new Error("shutting down"));
  await closed(socket);
  assert.match(String(await at.outcome()), /shutting down/);
  await at.stop();
});

test("plaintext behind the 220, in place of the handshake, never reaches the session", async () => {
  let reached = "";
  const at = server({}, async (conn) => {
    for await (const bytes of conn.readable) reached += latin1Decode(bytes);
  });
  const socket = await plain(at.port);
  socket.write("MAIL FROM:<injected@example.com>\r\nRCPT TO:<victim@example.com>\r\n");
  await closed(socket);
  assert.ok(await at.outcome() instanceof Error);
  assert.equal(reached, "");
  await at.stop();
});

test("a handshake and records in one-octet pieces are understood", async () => {
  const at = server();
  const proxy = net.createServer((near) => {
    const far = net.connect(at.port, "127.0.0.1");
    near.setNoDelay(true);
    far.setNoDelay(true);
    far.on("data", (chunk) => near.write(chunk));
    let last = Promise.resolve();
    near.on("data", (chunk: Uint8Array) => {
      last = last.then(async () => {
        for (const octet of chunk) {
          far.write(new Uint8Array([octet]));
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
    });
    for (const [one, other] of [[near, far], [far, near]] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const client = await foreign((proxy.address() as net.AddressInfo).port, { servername: "localhost" });
  const echoed = said(client, 6);
  client.write("pieces");
  assert.equal(await echoed, "pieces");
  client.destroy();
  proxy.close();
  await at.stop();
});

test("authorized only when a certificate was asked for, given and verified", async () => {
  const cases: [string, Partial<TlsFiles>, tls.ConnectionOptions, boolean, boolean][] = [
    ["not asked, none given", {}, {}, false, false],
    ["not asked, given", {}, pki.client, false, false],
    ["asked, none given", { requestCert: true, ca: [CA] }, {}, false, false],
    ["asked, a stranger's", { requestCert: true, ca: [CA] }, pki.stranger, false, true],
    ["asked, a good one", { requestCert: true, ca: [CA] }, pki.client, true, true],
  ];
  for (const [name, files, given, authorized, seen] of cases) {
    const at = server(files);
    const client = await foreign(at.port, { servername: "localhost", ...given });
    const { tls: info } = secureOf(await at.outcome());
    assert.equal(info.authorized, authorized, name);
    assert.equal(info.peerCertificate !== null, seen, name);
    assert.equal(info.authorizationError === "", authorized || files.requestCert !== true, name);
    if (authorized) assert.deepEqual(info.peerCertificate!.names, ["client.test"]);
    client.end();
    await closed(client);
    await at.stop();
  }
});

test("a client without a verified certificate is refused where one is required", async () => {
  for (const given of [{}, pki.stranger, pki.client]) {
    const at = server({ ca: [CA] }, echo, { requireAuthorized: true });
    const client = await foreign(at.port, { servername: "localhost", ...given }).catch(() => undefined);
    client?.on("error", () => {});
    const outcome = await at.outcome();
    assert.equal(outcome instanceof Error, given !== pki.client);
    client?.destroy();
    await at.stop();
  }
});

test("our close sends close_notify, and the client's is answered", async () => {
  const at = server({}, async (conn) => {
    const writer = conn.writable.getWriter();
    await writer.write(latin1Encode("221 bye\r\n"));
    writer.releaseLock();
  });
  const client = await foreign(at.port);
  let ended = false;
  client.once("end", () => ended = true);
  assert.equal(await said(client, 9), "221 bye\r\n");
  await closed(client);
  assert.equal(ended, true);

  const other = server();
  const leaving = await foreign(other.port);
  let answered = false;
  leaving.once("end", () => answered = true);
  leaving.resume();
  leaving.end();
  await closed(leaving);
  assert.equal(answered, true);
  await Promise.all([at.stop(), other.stop()]);
});

test("megabytes pass unchanged both ways", async () => {
  const at = server();
  const conn = await ours(at.port);
  const payload = new Uint8Array(3_000_000).map((_, i) => (i * 31 + (i >> 8)) & 255);
  const writer = conn.writable.getWriter();
  const writing = (async () => {
    for (let at = 0; at < payload.length; at += 50_000) await writer.write(payload.subarray(at, at + 50_000));
  })();
  const reader = conn.readable.getReader();
  let got = 0;
  while (got < payload.length) {
    const { value, done } = await reader.read();
    assert.equal(done, false);
    assert.deepEqual(value, payload.slice(got, got + value!.length));
    got += value!.length;
  }
  await writing;
  conn.close();
  await at.stop();
});

test("a paused server blocks its client within 4 MB", async () => {
  let release = () => {};
  const at = server({}, () => new Promise<void>((resolve) => release = resolve));
  const client = await foreign(at.port);
  client.on("error", () => {});
  await at.outcome();
  let sent = 0;
  const block = new Uint8Array(65_536);
  const writing = (async () => {
    for (let i = 0; i < 1000; i++) {
      const through = new Promise<boolean>((resolve) => client.write(block, (error) => resolve(!error)));
      if (!await Promise.race([through, pause(700).then(() => false)])) return;
      sent += block.length;
    }
  })();
  await writing;
  // Most of it waits in the buffers of the kernel, which we do not size.
  assert.ok(sent <= 4 * 1024 * 1024, `${sent} octets went through`);
  client.destroy();
  release();
  await at.stop();
});

test("abrupt ends of every kind leave no descriptor", { timeoutMs: 600_000 }, async () => {
  const at = server();
  const total = LONG ? 10_000 : 300;
  const one = async (i: number) => {
    const socket = await plain(at.port);
    socket.on("error", () => {});
    if (i % 5 === 0) return void socket.destroy();
    if (i % 5 === 1) return void socket.resetAndDestroy();
    if (i % 5 === 2) {
      socket.write("garbage garbage\r\n");
      return await closed(socket);
    }
    const secure = tls.connect({ socket, rejectUnauthorized: false });
    secure.on("error", () => {});
    await new Promise((resolve) => secure.once("secureConnect", resolve));
    if (i % 5 === 3) secure.destroy();
    else secure.end();
    await closed(socket);
  };
  await one(4);
  await pause(1_000);
  const before = descriptors();
  for (let i = 0; i < total; i += 20) await Promise.all(Array.from({ length: 20 }, (_, j) => one(i + j)));
  for (let tries = 0; tries < 50 && descriptors() > before; tries++) await pause(100);
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
  await at.stop();
});

test("our client tells what it found, and refuses it where it must verify", async () => {
  const ca = [pki.ca];
  const cases: [string, Partial<TlsFiles>, Partial<ClientUpgrade>, RegExp | undefined][] = [
    ["good", {}, { ca }, undefined],
    ["good, by address", {}, { ca, servername: "127.0.0.1" }, undefined],
    ["unknown authority", {}, {}, /UNABLE_TO_/],
    ["another's name", { identities: [IDENTITIES[1]!] }, { ca }, /ERR_TLS_CERT_ALTNAME_INVALID/],
    ["expired", { identities: [pem(pki.expired, "expired")] }, { ca }, /CERT_HAS_EXPIRED/],
  ];
  for (const [name, files, options, error] of cases) {
    const at = server(files);
    const conn = await ours(at.port, options);
    assert.equal(conn.tls.authorized, error === undefined, name);
    assert.match(conn.tls.authorizationError, error ?? /^$/, name);
    assert.ok(conn.tls.peerCertificate!.raw.length > 100);
    assert.equal(await roundTrip(conn), "EHLO there\r\n", name);
    conn.close();
    const required = ours(at.port, { ...options, verify: "required" });
    if (error === undefined) (await required).close();
    else await assert.rejects(required, error, name);
    await at.stop();
  }
});

test("our client's certificate is shown to the server", async () => {
  const at = server({ requestCert: true, ca: [CA] });
  const conn = await ours(at.port, pki.client);
  assert.equal(await roundTrip(conn), "EHLO there\r\n");
  const { tls: info } = secureOf(await at.outcome());
  assert.equal(info.authorized, true);
  assert.equal(info.peerCertificate!.commonName, "client.test");
  conn.close();
  await at.stop();
});

test("our client gives up on a mute server in time, and when told to", async () => {
  const mute = net.createServer((socket) => void socket.on("error", () => {}).resume().write(GO));
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const { port } = mute.address() as net.AddressInfo;
  await assert.rejects(ours(port, { handshakeTimeoutMs: 100 }), /handshake timed out/);
  const stop = new AbortController();
  const stopped = assert.rejects(ours(port, { signal: stop.signal }), /enough/);
  setTimeout(() => stop.abort(new Error("enough")), 100);
  await stopped;
  await new Promise((resolve) => mute.close(resolve));
});

test("our client drops plaintext that comes in place of the handshake", async () => {
  const rude = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.write(GO);
    socket.once("data", () => socket.write("250 injected, and long enough to be a record\r\n"));
  });
  await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
  await assert.rejects(ours((rude.address() as net.AddressInfo).port));
  await new Promise((resolve) => rude.close(resolve));
});

test("an upgrade of a connection that somebody still reads is refused", async () => {
  const at = server();
  const conn = await machine.dial({ to: { hostname: "127.0.0.1", port: at.port }, timeoutMs: 5_000 });
  const reader = conn.readable.getReader();
  const options = { servername: "", verify: "opportunistic", handshakeTimeoutMs: 5_000 } as const;
  await assert.rejects(machine.secureClient(conn, options), TypeError);
  reader.releaseLock();
  assert.ok(await at.outcome() instanceof Error);
  await at.stop();
});

test("the clock of the house bounds handshakes", () => {
  assert.equal(machine.clock, systemClock);
});
