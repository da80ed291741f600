/** The resolver against name servers on the loopback: NSD for what a zone holds, one of dns-packet for what NSD never says. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import dgram from "node:dgram";
import packet from "dns-packet";
import { resolvConf, stubResolver } from "../../src/host/resolver.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { freePort } from "../kit/free_port.ts";
import { startNsd, withoutNsd } from "../kit/nsd.ts";
import { eventually } from "../kit/site.ts";
import { test } from "../kit/test.ts";
import { systemClock } from "../../src/base/clock.ts";

const skip = withoutNsd();
const at = (port: number) => [{ address: "127.0.0.1", port }];

const ZONE = `$ORIGIN example.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 42
@ NS ns
ns A 127.0.0.1
@ MX 10 MX1
@ MX 20 mx2
mx1 A 192.0.2.1
mx1 AAAA 2001:db8::1
mx2 7 A 192.0.2.2
alias CNAME mx1
null MX 0 .
text TXT "v=spf1 " "-all"
_25._tcp.mx1 TLSA 3 1 1 00112233
_s._tcp SRV 1 2 3 mx1
${Array.from({ length: 60 }, (_, i) => `big TXT "${i} ${"x".repeat(100)}"`).join("\n")}
`;

interface Scripted {
  readonly port: number;
  readonly asked: string[];
  stop(): Promise<void>;
}

/** Answers by the first label: an rcode, silence, a forged answer first, or records with a TTL of two seconds. */
async function scripted(): Promise<Scripted> {
  const asked: string[] = [];
  const socket = dgram.createSocket("udp4");
  const RCODES: { [label: string]: number } = { servfail: 2, notimp: 4, refused: 5, formerr: 1 };
  socket.on("message", (bytes, from) => {
    const query = packet.decode(bytes);
    const name = query.questions![0]!.name;
    asked.push(name);
    const label = name.split(".")[0]!;
    if (label === "silent") return;
    const isPlain = !query.additionals?.some(({ type }) => type === "OPT");
    const reply = (id: number, data: string, rcode = 0) =>
      socket.send(
        packet.encode({
          type: "response",
          id,
          flags: rcode,
          questions: query.questions!,
          answers: rcode === 0 ? [{ type: "A", name, ttl: 2, data }] : [],
        }),
        from.port,
        from.address,
      );
    if (label === "forged") {
      reply(query.id! ^ 1, "203.0.113.66");
      socket.send(Buffer.from("rubbish"), from.port, from.address);
    }
    const rcode = label === "plain" && !isPlain ? 1 : RCODES[label] ?? 0;
    setTimeout(() => reply(query.id!, "192.0.2.7", rcode), 5);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: socket.address().port, asked, stop: () => new Promise((resolve) => socket.close(() => resolve())) };
}

test("what a zone holds comes exactly: records, aliases, no data, no such name, null MX, cut-off answers over TCP", {
  skip,
}, async () => {
  await using nsd = await startNsd({ "example.test": ZONE });
  const dns = stubResolver({ servers: at(nsd.port) });
  const mx = await dns.resolve("Example.TEST.", "MX");
  assert.equal(mx.kind, "records");
  assert.deepEqual(
    mx.kind === "records" && [...mx.records].sort((a, b) => a.preference - b.preference),
    [{ preference: 10, exchange: "mx1.example.test" }, { preference: 20, exchange: "mx2.example.test" }],
  );
  const records = async (name: string, type: "A" | "AAAA" | "TXT" | "MX" | "SRV" | "TLSA" | "CNAME") => {
    const answer = await dns.resolve(`${name}.example.test`, type);
    return answer.kind === "records" ? { ttl: answer.ttl, records: [...answer.records] } : answer.kind;
  };
  assert.deepEqual(await records("alias", "A"), { ttl: 300, records: ["192.0.2.1"] });
  assert.deepEqual(await records("alias", "CNAME"), { ttl: 300, records: ["mx1.example.test"] });
  assert.deepEqual(await records("mx1", "AAAA"), { ttl: 300, records: ["2001:db8::1"] });
  assert.deepEqual(await records("mx2", "A"), { ttl: 7, records: ["192.0.2.2"] });
  assert.deepEqual(await records("null", "MX"), { ttl: 300, records: [{ preference: 0, exchange: "" }] });
  assert.deepEqual(await records("text", "TXT"), { ttl: 300, records: ["v=spf1 -all"] });
  assert.deepEqual(await records("_s._tcp", "SRV"), {
    ttl: 300,
    records: [{ priority: 1, weight: 2, port: 3, target: "mx1.example.test" }],
  });
  assert.deepEqual(await records("_25._tcp.mx1", "TLSA"), {
    ttl: 300,
    records: [{ usage: 3, selector: 1, matchingType: 1, certificate: new Uint8Array([0, 17, 34, 51]) }],
  });
  assert.equal((await records("big", "TXT") as { records: string[] }).records.length, 60);
  assert.deepEqual(await dns.resolve("mx2.example.test", "AAAA"), { kind: "nodata", ttl: 42, authentic: false });
  assert.deepEqual(await dns.resolve("nobody.example.test", "MX"), { kind: "nxdomain", ttl: 42, authentic: false });
  // NSD serves no other zone.
  const other = await dns.resolve("elsewhere.test", "A");
  assert.equal(other.kind === "failed" && other.reason, "refused");
});

test("SERVFAIL, REFUSED and other refusals to answer are failures, each by its name, and are not kept", async () => {
  const server = await scripted();
  const dns = stubResolver({ servers: at(server.port), tries: 1 });
  for (
    const [label, reason] of [["servfail", "servfail"], ["refused", "refused"], ["notimp", "other"], [
      "formerr",
      "other",
    ]]
  ) {
    for (let i = 0; i < 2; i++) {
      const answer = await dns.resolve(`${label}.test`, "A");
      assert.equal(answer.kind === "failed" && answer.reason, reason);
    }
  }
  // Two times four, and those who may not know EDNS once more without.
  assert.equal(server.asked.length, 12);
  const plain = await dns.resolve("plain.test", "A");
  assert.deepEqual(plain.kind === "records" && plain.records, ["192.0.2.7"]);
  await server.stop();
});

test("silence is a time-out after the tries allowed, the next server is asked, and a signal ends the wait", async () => {
  const server = await scripted();
  const dns = stubResolver({ servers: at(server.port), timeoutMs: 60, tries: 2 });
  const answer = await dns.resolve("silent.test", "A");
  assert.equal(answer.kind === "failed" && answer.reason, "timeout");
  await eventually(() => server.asked.length === 2, 5000, "the second question");
  await assert.rejects(
    dns.resolve("silent.again.test", "A", { signal: AbortSignal.abort(new Error("enough")) }),
    /enough/,
  );
  const stop = new AbortController();
  const stopped = assert.rejects(dns.resolve("silent.later.test", "A", { signal: stop.signal }), /enough/);
  stop.abort(new Error("enough"));
  await stopped;
  // A site's limits hold from the next question on.
  const slow = stubResolver({ servers: at(server.port) });
  slow.setLimits!({ timeoutMs: 50, tries: 3 });
  const asked = server.asked.length;
  assert.equal((await slow.resolve("silent.limited.test", "A")).kind, "failed");
  await eventually(() => server.asked.length - asked === 3, 5000, "the third question");
  const both = stubResolver({ servers: [...at(await freePort()), ...at(server.port)], timeoutMs: 200 });
  assert.equal((await both.resolve("fine.test", "A")).kind, "records");
  await server.stop();
});

test("answers are kept for their TTL, equal questions at one time are asked once, forged answers are passed over", async () => {
  const server = await scripted();
  const clock = new FakeClock();
  const dns = stubResolver({ servers: at(server.port), clock: { ...systemClock, monotonic: () => clock.monotonic() } });
  const [one, two] = await Promise.all([dns.resolve("a.test", "A"), dns.resolve("A.test.", "A")]);
  assert.deepEqual(one, { kind: "records", records: ["192.0.2.7"], ttl: 2, authentic: false });
  assert.deepEqual(two, one);
  await clock.advance(1_500);
  assert.equal((await dns.resolve("a.test", "A") as { ttl: number }).ttl, 1);
  assert.deepEqual(server.asked, ["a.test"]);
  await clock.advance(600);
  await dns.resolve("a.test", "A");
  assert.deepEqual(server.asked, ["a.test", "a.test"]);
  const honest = await dns.resolve("forged.test", "A");
  assert.deepEqual(honest.kind === "records" && honest.records, ["192.0.2.7"]);
  await server.stop();
});

test("the local host is known without asking, and impossible names are not asked", async () => {
  const dns = stubResolver({ servers: [] });
  assert.deepEqual(await dns.resolve("localhost", "A"), {
    kind: "records",
    records: ["127.0.0.1"],
    ttl: 3600,
    authentic: false,
  });
  assert.equal((await dns.resolve("localhost", "MX")).kind, "nodata");
  assert.equal((await dns.resolve(`${"x".repeat(64)}.test`, "A")).kind, "failed");
  assert.equal((await dns.resolve("a..test", "A")).kind, "failed");
  assert.deepEqual(resolvConf("# x\nnameserver 192.0.2.53\nsearch a\nnameserver ::1 # y\n"), [
    { address: "192.0.2.53", port: 53 },
    { address: "::1", port: 53 },
  ]);
});
