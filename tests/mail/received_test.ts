import assert from "node:assert/strict";
import { parseAddress } from "../../src/mail/address.ts";
import { formatDate } from "../../src/mail/date.ts";
import { receivedProtocol, receivedValue } from "../../src/mail/received.ts";
import { test } from "../kit/test.ts";

const time = Date.UTC(2026, 10, 22, 11, 0, 41);
const plain = {
  hello: "client.example",
  esmtp: true,
  info: "host.example",
  ip: "192.0.2.1",
  me: "mx.test",
  localInfo: "Kasi/0.1.0",
  id: "AB.1",
  sender: parseAddress("<a@b.org>")!,
  authenticated: false,
  time,
};

test("the trace field says who, how and when in Haraka's layout", () => {
  assert.equal(
    receivedValue(plain),
    "from client.example (host.example [192.0.2.1])\r\n\tby mx.test (Kasi/0.1.0) with ESMTP id AB.1\r\n" +
      `\tenvelope-from <a@b.org>;\r\n\t${formatDate(time)}`,
  );
  assert.equal(
    receivedValue({
      ...plain,
      info: "NXDOMAIN",
      cipher: "TLS_AES_128_GCM_SHA256",
      authenticated: true,
      sender: parseAddress("<>")!,
    }),
    "from client.example ([192.0.2.1])\r\n\tby mx.test (Kasi/0.1.0) with ESMTPSA id AB.1\r\n" +
      `\tenvelope-from <>\r\n\ttls TLS_AES_128_GCM_SHA256 (authenticated bits=0);\r\n\t${formatDate(time)}`,
  );
});

test("the protocol word follows RFC 3848 and RFC 6531", () => {
  const word = (esmtp: boolean, tls: boolean, authenticated: boolean, smtpUtf8 = false) =>
    receivedProtocol({ esmtp, cipher: tls ? "X" : undefined, authenticated, smtpUtf8 });
  assert.equal(word(false, false, false), "SMTP");
  assert.equal(word(true, false, false), "ESMTP");
  assert.equal(word(true, true, false), "ESMTPS");
  assert.equal(word(true, false, true), "ESMTPA");
  assert.equal(word(true, true, true), "ESMTPSA");
  assert.equal(word(true, true, true, true), "UTF8SMTPSA");
  assert.equal(word(true, false, false, true), "UTF8SMTP");
});

test("nothing a client or its DNS says breaks the line", () => {
  const value = receivedValue({ ...plain, hello: "x\r\nBcc: y", info: "a\0b\n" });
  assert.equal(value.split("\r\n").length, 4);
  assert.ok(value.startsWith("from x?Bcc:?y (a?b? [192.0.2.1])"));
});

test("neither HELO nor a name from the DNS can tell of a hop that never was", () => {
  const first = (hello: string, info: string) => receivedValue({ ...plain, hello, info }).split("\r\n")[0];
  const forged = "mail.bank.example (mail.bank.example [198.51.100.9])";
  assert.equal(first("x", forged), "from x (mail.bank.example?mail.bank.example?198.51.100.9? [192.0.2.1])");
  assert.equal(first("bank(bank[198.51.100.9])by;", "h"), "from bank?bank?198.51.100.9?by? (h [192.0.2.1])");
  assert.equal(first("b\u00fccher.example", "h"), "from b?cher.example (h [192.0.2.1])");
  for (const hello of ["[192.0.2.1]", "[IPv6:2001:db8::1]", "a-b_c.example"]) {
    assert.equal(first(hello, "h"), `from ${hello} (h [192.0.2.1])`);
  }
});
