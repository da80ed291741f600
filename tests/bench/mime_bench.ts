/**
 * What looking into a message costs, in MB/s: `deno bench -A tests/bench/mime_bench.ts`. 16 MB of base64 in one part, or of text with hyphens; 64 KiB
 * at a time. The package that does the same for others stands beside it: our scanner tells offsets, takes views, and answers at once.
 */
import { Splitter } from "@zone-eu/mailsplit";
import { type Bytes, utf8Encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { AttachmentFeed } from "../../src/mail/attachments.ts";
import { makeBanner } from "../../src/mail/banner.ts";
import { editBody } from "../../src/mail/body_edits.ts";
import { createMessage } from "../../src/mail/message.ts";
import { MimeScanner } from "../../src/mail/mime_scanner.ts";
import { PartCounter } from "../../src/mail/part_counter.ts";
import { TreeBuilder } from "../../src/mail/parts.ts";
import { memorySource } from "../../src/mail/source.ts";
import { Intake } from "../../src/session/intake.ts";
import { LongLines } from "../../src/session/long_lines.ts";

const SIZE = 16e6;
const CHUNK = 64 * 1024;
const LINES = {
  base64: "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n",
  text: "This is - quite - an ordinary line -- of text, with hyphens in-between.\r\n",
};

function message(kind: keyof typeof LINES): Bytes {
  const line = LINES[kind];
  const type = kind === "text" ? "text/plain" : "application/pdf\r\nContent-Transfer-Encoding: base64";
  const head =
    `Content-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\n\r\nhello\r\n--b1\r\nContent-Type: ${type}\r\n\r\n`;
  return utf8Encode(`${head}${line.repeat(Math.ceil(SIZE / line.length))}--b1--\r\n`);
}

async function each(bytes: Bytes, take: (chunk: Bytes) => unknown): Promise<void> {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const taken = take(bytes.subarray(at, at + CHUNK));
    if (taken instanceof Promise) await taken;
  }
}

const WAYS: { readonly [name: string]: (bytes: Bytes) => unknown } = {
  "intake, as a session has it": async (bytes) => {
    const intake = new Intake(Infinity, () => {
      throw new Error();
    });
    intake.lines = new LongLines(992, false);
    await each(bytes, (chunk) => intake.add(chunk));
  },
  "intake without long lines": async (bytes) => {
    const intake = new Intake(Infinity, () => {
      throw new Error();
    });
    await each(bytes, (chunk) => intake.add(chunk));
  },
  "counting parts": (bytes) => {
    const counter = new PartCounter();
    return each(bytes, (chunk) => counter.add(chunk));
  },
  "scanner": async (bytes) => {
    const scanner = new MimeScanner({ begin() {}, body() {}, end() {} });
    await each(bytes, (chunk) => scanner.add(chunk));
    scanner.finish();
  },
  "tree": async (bytes) => {
    const builder = new TreeBuilder();
    await each(bytes, (chunk) => builder.add(chunk));
    builder.finish();
  },
  "attachments, decoded and read": async (bytes) => {
    const feed = new AttachmentFeed([async ({ stream }) => {
      for await (const _ of stream);
    }], { clock: systemClock, timeoutMs: 0 });
    await each(bytes, (chunk) => feed.add(chunk));
    await feed.finish();
  },
  "banner": (bytes) =>
    editBody(createMessage(memorySource(bytes)), { banner: makeBanner("x"), filters: [] }, {
      clock: systemClock,
      timeoutMs: 0,
    }),
  "mailsplit": async (bytes) => {
    const splitter = new Splitter();
    const done = (async () => {
      for await (const _ of splitter as AsyncIterable<unknown>);
    })();
    await each(
      bytes,
      (chunk) =>
        splitter.write(chunk)
          ? undefined
          : new Promise<void>((resolve) => void Reflect.apply(splitter.once, splitter, ["drain", resolve])),
    );
    splitter.end();
    await done;
  },
};

for (const kind of Object.keys(LINES) as (keyof typeof LINES)[]) {
  const bytes = message(kind);
  for (const [name, way] of Object.entries(WAYS)) {
    Deno.bench(`${kind}: ${name}`, { group: kind, n: 5, warmup: 1 }, async () => void await way(bytes));
  }
}
