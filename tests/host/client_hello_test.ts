import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { type ClientHello, readClientHello } from "../../src/host/client_hello.ts";
import { chooseByKey } from "../../src/host/key_choice.ts";
import { test } from "../kit/test.ts";

/** What this runtime's own client says first. */
function helloOf(options: tls.ConnectionOptions): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const below = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        done();
        resolve(new Uint8Array(chunk));
        socket.destroy();
      },
    });
    const socket = tls.connect({ socket: below, rejectUnauthorized: false, ...options });
    socket.on("error", () => {});
  });
}

test("name, suites, signatures and version of a real hello, wherever it is cut", async () => {
  const octets = await helloOf({ servername: "MX.test" });
  const whole = readClientHello(octets) as ClientHello;
  assert.equal(whole.servername, "mx.test");
  assert.equal(whole.tls13, true);
  assert.ok(whole.suites.includes(0x1301));
  assert.ok(whole.signatures!.includes(0x0403));
  for (let at = 0; at < octets.length; at++) {
    const more = readClientHello(octets.subarray(0, at));
    assert.ok(typeof more === "number" && more > 0 && more <= octets.length - at, String(at));
  }
  // What comes behind it is not its business.
  assert.deepEqual(readClientHello(Uint8Array.from([...octets, 1, 2, 3])), whole);
  const older = readClientHello(await helloOf({ maxVersion: "TLSv1.2" })) as ClientHello;
  assert.deepEqual([older.servername, older.tls13], ["", false]);
});

test("a hello in many records is one hello", async () => {
  const octets = await helloOf({ servername: "mx.test" });
  const pieces: number[] = [];
  for (let at = 5; at < octets.length; at += 7) {
    const piece = octets.subarray(at, Math.min(at + 7, octets.length));
    pieces.push(22, 3, 1, 0, piece.length, ...piece);
  }
  assert.deepEqual(readClientHello(Uint8Array.from(pieces)), readClientHello(octets));
});

test("what is no hello, or says that it is endless, or lies about its lengths, is none", async () => {
  const octets = await helloOf({ servername: "mx.test" });
  const text = (line: string) => Uint8Array.from(line, (letter) => letter.charCodeAt(0));
  assert.equal(readClientHello(text("NOOP\r\n")), undefined);
  assert.equal(readClientHello(Uint8Array.of(22, 3, 1, 0, 4, 2, 0, 0, 0)), undefined); // a ServerHello
  assert.equal(readClientHello(Uint8Array.of(22, 3, 1, 0, 4, 1, 255, 255, 255)), undefined);
  const lying = octets.slice();
  lying[43] = 255; // the session id
  assert.equal(readClientHello(lying), undefined);
  assert.equal(readClientHello(new Uint8Array()), 5);
  assert.equal(readClientHello(Uint8Array.of(22, 3, 1, 0, 0)), undefined); // an empty record
});

test("of several keys the client gets one that it can verify, a curve before RSA", () => {
  const [rsa, ec] = [{ kind: "rsa" as const }, { kind: "ec-p256" as const }];
  const hello = (more: Partial<ClientHello>): ClientHello => ({
    servername: "",
    suites: [],
    signatures: [0x0403, 0x0804],
    tls13: true,
    ...more,
  });
  assert.equal(chooseByKey([rsa, ec], hello({})), ec);
  assert.equal(chooseByKey([rsa, ec], hello({ signatures: [0x0804] })), rsa);
  assert.equal(chooseByKey([rsa, ec], hello({ signatures: [0x0503] })), rsa); // nothing that fits: the first
  assert.equal(chooseByKey([ec, rsa], hello({ tls13: false, suites: [0xc02f] })), rsa);
  assert.equal(chooseByKey([rsa, ec], hello({ tls13: false, suites: [0xc02b] })), ec);
  assert.equal(chooseByKey([rsa, ec]), rsa);
});

test("a long hello in drips of one octet a record is looked at some dozens of times", () => {
  const message = Uint8Array.of(1, 0, 0x0a, 0, ...new Uint8Array(2560));
  const octets = Uint8Array.from([...message].flatMap((octet) => [22, 3, 1, 0, 1, octet]));
  let looks = 0;
  for (let at = 0; at < octets.length;) {
    const more = readClientHello(octets.subarray(0, at));
    looks++;
    if (typeof more !== "number") break;
    at += more;
  }
  assert.ok(looks < 100, `${looks} looks`);
});
