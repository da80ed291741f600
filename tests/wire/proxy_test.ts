import assert from "node:assert/strict";
import { type Bytes, concat, latin1Encode, utf8Decode } from "../../src/base/bytes.ts";
import { crc32c } from "../../src/base/crc32c.ts";
import { parseProxyHeader, type ProxyHeader, readProxyHeader } from "../../src/wire/proxy.ts";
import { v2, V4_ADDRESSES, V6_ADDRESSES } from "../kit/proxy_header.ts";
import { test } from "../kit/test.ts";

function header(bytes: Bytes | string): ProxyHeader {
  const parsed = parseProxyHeader(typeof bytes === "string" ? latin1Encode(bytes) : bytes);
  assert.equal(parsed.kind, "header", JSON.stringify(parsed));
  return (parsed as { header: ProxyHeader }).header;
}
const V1 = "PROXY TCP4 192.0.2.7 198.51.100.1 41000 25\r\n";
const V1_V6 = "PROXY TCP6 2001:DB8:0::7 2001:db8::1 0 65535\r\n";

test("version 1 names both ends, in IPv4 and IPv6", () => {
  assert.deepEqual(header(V1), {
    version: 1,
    speaksFor: "client",
    family: "TCP4",
    source: { ip: "192.0.2.7", port: 41_000 },
    destination: { ip: "198.51.100.1", port: 25 },
    tlvs: [],
  });
  const six = header(V1_V6);
  assert.deepEqual([six.family, six.source, six.destination], [
    "TCP6",
    { ip: "2001:db8::7", port: 0 },
    { ip: "2001:db8::1", port: 65_535 },
  ]);
  assert.equal(header("PROXY UNKNOWN\r\n").speaksFor, "unknown");
  assert.equal(header("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n").speaksFor, "unknown");
});

test("version 2 names both ends, and TLVs are read", () => {
  const four = header(v2({ addresses: V4_ADDRESSES, tlvs: [[2, latin1Encode("mx.test")], [5, new Uint8Array(0)]] }));
  assert.deepEqual([four.version, four.speaksFor, four.family, four.source, four.destination], [
    2,
    "client",
    "TCP4",
    { ip: "192.0.2.7", port: 41_000 },
    { ip: "198.51.100.1", port: 25 },
  ]);
  assert.deepEqual(four.tlvs.map(({ type, value }) => [type, utf8Decode(value)]), [[2, "mx.test"], [5, ""]]);
  const six = header(v2({ kind: 0x21, addresses: V6_ADDRESSES }));
  assert.deepEqual([six.family, six.source, six.destination], [
    "TCP6",
    { ip: "2001:db8::7", port: 41_000 },
    { ip: "2001:db8::1", port: 25 },
  ]);
});

test("version 2: LOCAL is the proxy itself, whatever else stands there; other families name nobody", () => {
  assert.equal(header(v2({ command: 0, kind: 0 })).speaksFor, "local");
  assert.equal(header(v2({ command: 0, kind: 0x99, addresses: new Uint8Array(7) })).speaksFor, "local");
  assert.equal(header(v2({ kind: 0 })).speaksFor, "unknown");
  assert.equal(header(v2({ kind: 0x31, addresses: new Uint8Array(216) })).speaksFor, "unknown");
  assert.equal(header(v2({ kind: 0x12, addresses: V4_ADDRESSES })).speaksFor, "unknown");
});

test("version 2: a checksum must be that of the header", () => {
  const made = v2({ addresses: V4_ADDRESSES, tlvs: [[3, new Uint8Array(4)]] });
  assert.equal(parseProxyHeader(made).kind, "fault");
  new DataView(made.buffer).setUint32(made.length - 4, crc32c(made) >>> 0);
  assert.equal(header(made).speaksFor, "client");
  made[20]! ^= 1;
  assert.equal(parseProxyHeader(made).kind, "fault");
});

test("what is no header is a fault as soon as that is sure", () => {
  const wrong = [
    "EHLO me\r\n",
    "E",
    "PROXY TCP4 192.0.2.7 198.51.100.1 41000\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 41000 25 \r\n",
    "PROXY TCP4  192.0.2.7 198.51.100.1 41000 25\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 41000 65536\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 041000 25\r\n",
    "PROXY TCP4 192.0.2.256 198.51.100.1 41000 25\r\n",
    "PROXY TCP4 2001:db8::1 198.51.100.1 41000 25\r\n",
    "PROXY TCP6 192.0.2.7 198.51.100.1 41000 25\r\n",
    "PROXY TCP6 1:::2 ::1 1 2\r\n",
    "PROXY TCP5 192.0.2.7 198.51.100.1 41000 25\r\n",
    "proxy TCP4 192.0.2.7 198.51.100.1 41000 25\r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 41000 25\n",
    "PROXY UNKNOWN\r \r\n",
    `PROXY UNKNOWN ${"x".repeat(93)}`,
    "\r\n\r\n\0\r\nQUIX",
    "\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c",
    "\r\n\r\n\0\r\nQUIT\n\x22\x11\0\x0c0123456789ab",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0b0123456789a",
    "\r\n\r\n\0\r\nQUIT\n\x21\x13\0\x0c0123456789ab",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0e0123456789ab\x02\x00",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x100123456789ab\x02\x00\x02x",
  ];
  for (const text of wrong) assert.equal(parseProxyHeader(latin1Encode(text)).kind, "fault", JSON.stringify(text));
});

test("a header is read alike at every split, and not an octet behind it is taken", async () => {
  const headers = [
    latin1Encode(V1),
    latin1Encode(V1_V6),
    latin1Encode("PROXY UNKNOWN\r\n"),
    latin1Encode("PROXY TCP6 :: :: 1 2\r\n"),
    latin1Encode("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"),
    v2({ addresses: V4_ADDRESSES, tlvs: [[5, new Uint8Array(300)]] }),
    v2({ kind: 0x21, addresses: V6_ADDRESSES }),
    v2({ command: 0, kind: 0 }),
  ];
  for (const whole of headers) {
    const wanted = parseProxyHeader(whole);
    assert.equal(wanted.kind, "header");
    const stream = concat([whole, latin1Encode("\x16\x03\x01 a handshake")]);
    for (const most of [1, 2, 3, 7, 10_000]) {
      let at = 0;
      const got = await readProxyHeader((length) => {
        const from = at;
        at += Math.min(length, most);
        return Promise.resolve(stream.slice(from, at));
      });
      assert.deepEqual(got, wanted);
      assert.equal(at, whole.length, `${most} octets at a time`);
    }
    for (let cut = 0; cut < whole.length; cut++) {
      const parsed = parseProxyHeader(whole.subarray(0, cut));
      assert.equal(parsed.kind, "more", `${cut} of ${whole.length}`);
    }
  }
});

test("the end of the stream within a header is undefined", async () => {
  const parts = [latin1Encode("PROXY TCP4"), undefined];
  assert.equal(await readProxyHeader(() => Promise.resolve(parts.shift())), undefined);
});
