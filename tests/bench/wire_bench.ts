/**
 * The wire room's hot paths: `deno bench -A tests/bench/wire_bench.ts`.
 *
 * Each bench names what one iteration does; MB/s are (octets named) / (time per iteration).
 */
import { utf8Encode } from "../../src/base/bytes.ts";
import { type CommandOptions, parseCommand } from "../../src/wire/command.ts";
import { DotDecoder, DotEncoder } from "../../src/wire/data.ts";
import { createReader } from "../../src/wire/reader.ts";
import { formatReply } from "../../src/wire/reply.ts";
import { wordsOf } from "../../src/wire/scan.ts";
import { byteStream, plainStream } from "../wire/pieces.ts";

const OPTIONS: CommandOptions = { eightBit: true, strict: false, smtpUtf8: true };
const LINE = "The quick brown fox jumps over the lazy dog. And some more words, until 76.\r\n";

function text(octets: number): string {
  return LINE.repeat(Math.ceil(octets / LINE.length)).slice(0, octets - 2) + "\r\n";
}

for (
  const line of [
    "MAIL FROM:<sender@example.com>",
    "RCPT TO:<recipient@example.org>",
    "MAIL FROM:<sender@example.com> SIZE=5123 BODY=8BITMIME",
    "EHLO client.example.com",
    "DATA",
    'RCPT TO:<"quoted one"@example.org>',
  ]
) {
  const bytes = utf8Encode(line);
  Deno.bench({ name: line, group: "parseCommand", fn: () => void parseCommand(bytes, OPTIONS) });
}

Deno.bench({
  name: "one line",
  group: "formatReply",
  fn: () => void formatReply({ code: 250, enhanced: "2.1.5", text: "Recipient OK" }),
});
Deno.bench({
  name: "EHLO",
  group: "formatReply",
  fn: () => void formatReply({ code: 250, text: ["mx hello", "PIPELINING", "8BITMIME", "SIZE 0"] }),
});

for (const octets of [5_000, 1_000_000]) {
  const wire = utf8Encode(`${text(octets)}.\r\n`);
  const words = wordsOf(wire);
  Deno.bench({
    name: `${octets} octets`,
    group: "dot decoding",
    fn() {
      const decoder = new DotDecoder({ limit: Infinity, bareLf: "refuse" });
      for (let from = 0;; from = decoder.at) {
        const event = decoder.step(wire, words, from, wire.length);
        if (event === undefined || event.kind === "done") return;
      }
    },
  });
  const plain = utf8Encode(text(octets));
  Deno.bench({
    name: `${octets} octets`,
    group: "dot encoding",
    fn() {
      const encoder = new DotEncoder();
      encoder.encode(plain);
      encoder.end();
    },
  });
}
const dotted = utf8Encode(`${"..\r\n".repeat(1250)}.\r\n`);
const dottedWords = wordsOf(dotted);
Deno.bench({
  name: "5000 octets, nothing but dot lines",
  group: "dot decoding",
  fn() {
    const decoder = new DotDecoder({ limit: Infinity, bareLf: "refuse" });
    for (let from = 0;; from = decoder.at) {
      const event = decoder.step(dotted, dottedWords, from, dotted.length);
      if (event === undefined || event.kind === "done") return;
    }
  },
});

for (const [kind, make] of [["byte stream", byteStream], ["plain stream", plainStream]] as const) {
  const lines = utf8Encode("RCPT TO:<recipient@example.org>\r\n".repeat(1000));
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < lines.length; i += 1400) pieces.push(lines.subarray(i, i + 1400));
  Deno.bench({
    name: `1000 lines, ${kind}`,
    group: "reader: lines",
    async fn() {
      const reader = createReader(make(pieces));
      for (;;) if ((reader.takeLine(512) ?? await reader.line(512)).kind === "end") return;
    },
  });
  const body = utf8Encode(`${text(1_000_000)}.\r\n`);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < body.length; i += 16384) parts.push(body.subarray(i, i + 16384));
  Deno.bench({
    name: `1000000 octets, ${kind}`,
    group: "reader: DATA",
    async fn() {
      const data = createReader(make(parts)).data({ limit: Infinity, bareLf: "refuse" });
      for (;;) {
        const next = data.next();
        if ((next instanceof Promise ? await next : next).kind === "done") return;
      }
    },
  });
  const dialogue = [
    "EHLO x\r\n",
    "MAIL FROM:<a@b.c>\r\n",
    "RCPT TO:<d@e.f>\r\n",
    "DATA\r\n",
    `${text(5000)}.\r\n`,
    "QUIT\r\n",
  ].map(utf8Encode);
  Deno.bench({
    name: `EHLO MAIL RCPT DATA (5000 octets) QUIT, ${kind}`,
    group: "reader: one whole mail",
    async fn() {
      const reader = createReader(make(dialogue));
      for (;;) {
        const line = reader.takeLine(512) ?? await reader.line(512);
        if (line.kind !== "line") return;
        const command = parseCommand(line.bytes, OPTIONS);
        if (command.verb === "QUIT") return;
        if (command.verb !== "DATA") continue;
        const data = reader.data({ limit: 1e6, bareLf: "refuse" });
        while ((await data.next()).kind !== "done");
      }
    },
  });
}
