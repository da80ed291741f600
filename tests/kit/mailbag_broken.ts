/** Ways in which real mail is broken, each done to a letter that was whole. */
import { type Bytes, concat, latin1Decode, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import type { Random } from "../fuzz/random.ts";

/** One way after the other: `nth` says which. */
export function breakIt(octets: Bytes, random: Random, nth: number): Bytes {
  return WAYS[nth % WAYS.length]!(octets, random);
}

/** Latin-1 keeps every octet as it is. */
const asText = (change: (text: string, random: Random) => string) => (octets: Bytes, random: Random): Bytes =>
  latin1Encode(change(latin1Decode(octets), random));
const without = (name: string) =>
  asText((text) => text.replace(new RegExp(`^${name}:.*\r\n(?:[ \t].*\r\n)*`, "m"), ""));
const inFront = (lines: string) => (octets: Bytes): Bytes => concat([utf8Encode(lines), octets]);

const WAYS: readonly ((octets: Bytes, random: Random) => Bytes)[] = [
  without("From"),
  without("Date"),
  without("Message-ID"),
  without("MIME-Version"),
  inFront("From: Somebody Else <else@elsewhere.test>\r\n"),
  inFront("Subject: first\r\nSubject: second\r\nDate: yesterday\r\n"),
  inFront("To: Grüße <ann@kasi.test>\r\nX-Naïve: bare UTF-8 in a header, 漢字\r\n"),
  inFront(`X-Long: ${"a very long field ".repeat(200)}\r\n`),
  inFront(`References: ${Array.from({ length: 150 }, (_, i) => `<${i}.long.way@good.test>`).join("\r\n ")}\r\n`),
  // As mail has that goes round in a circle.
  inFront(["ann", "ben", "office", "chipo.moyo"].map((user) => `Delivered-To: ${user}@kasi.test\r\n`).join("")),
  inFront("no field at all\r\n: no name\r\nX-Tab\t: space before the colon\r\n"),
  inFront("Precedence: bulk\r\nDate: Mon, 32 Foo 2025 99:99:99 +9999\r\n"),
  inFront("Content-Type: multipart/mixed\r\nContent-Type: text/plain; charset=nonsense-8\r\n"),
  asText((text) => text.replace(/boundary="[^"]*"/, 'boundary="none such"')),
  asText((text) => text.replace(/--\r\n$/, "")),
  asText((text) => `${text}${"x".repeat(5000)}\r\n`),
  asText((text) => text.replace(/charset=\S+/, "charset=x-unknown").replace(/encoding: \S+/i, "encoding: rot13")),
  asText((text) => text.replace(/\r\n\r\n/, "\r\n\r\n=ZZ=\r\n=?utf-8?B?!!!?=\r\n")),
  asText((text, random) => text.slice(0, text.indexOf("\r\n\r\n") + 4 + random.below(200)) + "\r\n"),
  asText((text) => text.slice(0, text.indexOf("\r\n\r\n") + 2)),
  asText((text) => `${text}\xff\xfe\x80\x00\x01 octets that are no text\r\n`),
  // A line that ends in LF alone: it may be refused, it must not end the message.
  asText((text) => `${text}bare\nfeed\r\n`),
  (octets) => concat([utf8Encode(nested(30)), octets]),
];

/** The head of a message of so many multiparts in one another; what follows is the innermost text. */
function nested(depth: number): string {
  let head = "From: deep@good.test\r\nDate: Mon, 22 Dec 2025 10:00:00 +0000\r\n";
  for (let i = 0; i < depth; i++) head += `Content-Type: multipart/mixed; boundary="deep${i}"\r\n\r\n--deep${i}\r\n`;
  return head;
}
