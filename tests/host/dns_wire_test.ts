import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import packet from "dns-packet";
import { decodeAnswer, encodeQuery } from "../../src/host/dns_wire.ts";
import { test } from "../kit/test.ts";

const reply = (more: object = {}): Uint8Array =>
  new Uint8Array(packet.encode({
    type: "response",
    id: 7,
    flags: 0,
    questions: [{ type: "A", name: "a.test" }],
    answers: [{ type: "A", name: "a.test", ttl: 5, data: "192.0.2.1" }],
    ...more,
  }));

test("a query asks for recursion, the AD bit, DNSSEC and 1232 octets", () => {
  const query = packet.decode(Buffer.from(encodeQuery(513, "a.test", "MX"))) as packet.DecodedPacket;
  assert.equal(query.id, 513);
  assert.equal(query.flag_rd, true);
  assert.equal(query.flag_ad, true);
  const opt = query.additionals![0] as { udpPayloadSize: number; flag_do: boolean };
  assert.equal(opt.udpPayloadSize, 1232);
  assert.equal(opt.flag_do, true);
});

test("a server that cannot read the question may leave it out; it is asked without EDNS", () => {
  const [formErr, notImp, servFail] = [1, 4, 2].map((flags) => reply({ flags, questions: [], answers: [] }));
  assert.equal(decodeAnswer(formErr!, 7, "a.test", "A")?.misunderstood, true);
  assert.equal(decodeAnswer(notImp!, 7, "a.test", "A")?.misunderstood, true);
  assert.equal(decodeAnswer(servFail!, 7, "a.test", "A"), undefined);
  assert.equal(decodeAnswer(formErr!, 8, "a.test", "A"), undefined);
  assert.equal(decodeAnswer(reply(), 7, "a.test", "A")?.misunderstood, false);
  const plain = packet.decode(Buffer.from(encodeQuery(513, "a.test", "MX", false)));
  assert.deepEqual(plain.additionals, []);
});

test("an answer to another question is none: id, name, type, a query, octets cut off", () => {
  assert.equal(decodeAnswer(reply(), 7, "a.test", "A")?.answer.kind, "records");
  assert.equal(decodeAnswer(reply(), 8, "a.test", "A"), undefined);
  assert.equal(decodeAnswer(reply(), 7, "b.test", "A"), undefined);
  assert.equal(decodeAnswer(reply(), 7, "a.test", "MX"), undefined);
  assert.equal(decodeAnswer(reply({ type: "query" }), 7, "a.test", "A"), undefined);
  for (let length = 0; length < reply().length; length++) {
    assert.equal(decodeAnswer(reply().subarray(0, length), 7, "a.test", "A"), undefined, String(length));
  }
});

test("records of other owners are not taken, aliases are followed, loops are failures and no reason to bounce", () => {
  const cname = (name: string, data: string) => ({ type: "CNAME", name, ttl: 3, data });
  const foreign = decodeAnswer(
    reply({ answers: [{ type: "A", name: "evil.test", ttl: 5, data: "192.0.2.66" }] }),
    7,
    "a.test",
    "A",
  );
  assert.equal(foreign?.answer.kind, "nodata");
  const chain = [cname("a.test", "B.test"), cname("b.test", "c.test"), {
    type: "A",
    name: "c.test",
    ttl: 5,
    data: "192.0.2.9",
  }];
  const followed = decodeAnswer(reply({ answers: chain }), 7, "a.test", "A");
  assert.deepEqual(followed?.answer, { kind: "records", records: ["192.0.2.9"], ttl: 3, authentic: false });
  const loop = decodeAnswer(
    reply({ answers: [cname("a.test", "b.test"), cname("b.test", "a.test")] }),
    7,
    "a.test",
    "A",
  );
  assert.deepEqual(loop?.answer, { kind: "failed", reason: "malformed", detail: "aliases of a.test lead nowhere" });
  const long = Array.from({ length: 16 }, (_, i) => cname(i === 0 ? "a.test" : `n${i}.test`, `n${i + 1}.test`));
  const last = { type: "A", name: "n16.test", ttl: 5, data: "192.0.2.16" };
  assert.equal(decodeAnswer(reply({ answers: [...long, last] }), 7, "a.test", "A")?.answer.kind, "records");
});
