import assert from "node:assert/strict";
import { latin1Decode } from "../../src/base/bytes.ts";
import { createReader } from "../../src/wire/reader.ts";
import { test } from "../kit/test.ts";
import { bytes, calls, cuts, drain, readData, readerOf, readLines, STREAMS } from "./pieces.ts";

for (const [kind, make] of Object.entries(STREAMS)) {
  test(`lines come out whole, however a ${kind} cuts them`, async () => {
    for (const pieces of cuts(bytes("EHLO mx\r\nMAIL FROM:<a@b>\r\n\r\nQUIT\r\n"))) {
      assert.deepEqual(await readLines(readerOf(pieces, make)), ["EHLO mx", "MAIL FROM:<a@b>", "", "QUIT", "<end>"]);
    }
  });

  test(`a bare CR or LF in a line is a verdict on that line only, on a ${kind}`, async () => {
    const table: [string, string[]][] = [
      ["A\nB\r\n", ["<bare-lf>", "B", "<end>"]],
      ["A\rB\r\nC\r\n", ["<bare-cr>", "C", "<end>"]],
      ["A\r\r\nC\r\n", ["<bare-cr>", "C", "<end>"]],
      ["\nC\r\n", ["<bare-lf>", "C", "<end>"]],
      ["A\n\rC\r\n", ["<bare-lf>", "<bare-cr>", "<end>"]],
    ];
    for (const [input, wanted] of table) {
      for (const pieces of cuts(bytes(input))) assert.deepEqual(await readLines(readerOf(pieces, make)), wanted);
    }
  });

  test(`a line beyond the limit is too long, one at the limit is not, on a ${kind}`, async () => {
    for (const pieces of cuts(bytes("1234567890\r\nX\r\n"))) {
      assert.deepEqual(await readLines(readerOf(pieces, make), 12), ["1234567890", "X", "<end>"]);
      assert.deepEqual(await readLines(readerOf(pieces, make), 11), ["<too-long>"]);
    }
  });

  test(`a line longer than the kept buffer is read when the limit allows it, on a ${kind}`, async () => {
    const long = "x".repeat(70_000);
    const whole = bytes(`${long}\r\nQUIT\r\n`);
    const pieces = [];
    for (let i = 0; i < whole.length; i += 1000) pieces.push(whole.subarray(i, i + 1000));
    assert.deepEqual(await readLines(readerOf(pieces, make), 80_000), [long, "QUIT", "<end>"]);
    assert.deepEqual(await readLines(readerOf([whole], make), 80_000), [long, "QUIT", "<end>"]);
    assert.deepEqual(await readLines(readerOf([whole], make), 60_000), ["<too-long>"]);
  });

  test(`the beginning of a TLS handshake is told at once, on a ${kind}`, async () => {
    for (const pieces of cuts(new Uint8Array([0x16, 3, 1, 2, 0, 1]))) {
      assert.deepEqual(await readLines(readerOf(pieces, make)), ["<tls-hello>"]);
    }
    for (const pieces of cuts(bytes("NOOP\r\n\x16\x03\x01"))) {
      assert.deepEqual(await readLines(readerOf(pieces, make)), ["NOOP", "<tls-hello>"]);
    }
    assert.deepEqual(await readLines(readerOf([bytes("\x16\r\n")], make)), ["\x16", "<end>"]);
  });

  test(`modes follow one another in mid-stream on a ${kind}`, async () => {
    const input = bytes("DATA\r\nhello\r\n..dot\r\n.\r\nBDAT 7\r\n.\r\n\n\r.NOOP\r\nDATA\r\n.\r\nQUIT\r\n");
    for (const pieces of cuts(input)) {
      const reader = readerOf(pieces, make);
      const command = async () => {
        const line = await reader.line(512);
        return line.kind === "line" ? latin1Decode(line.bytes) : line.kind;
      };
      assert.equal(await command(), "DATA");
      assert.deepEqual(await readData(reader, { limit: 100, bareLf: "refuse" }), {
        text: "hello\r\n.dot\r\n",
        faults: [],
        ended: "done",
      });
      assert.equal(await command(), "BDAT 7");
      assert.deepEqual(await drain(reader.bytes(6)), { text: ".\r\n\n\r.", faults: [], ended: "done" });
      assert.equal(await command(), "NOOP");
      assert.equal(await command(), "DATA");
      assert.deepEqual(await readData(reader, { limit: 100, bareLf: "refuse" }), {
        text: "",
        faults: [],
        ended: "done",
      });
      assert.equal(await command(), "QUIT");
      assert.equal(await command(), "end");
    }
  });

  test(`a peer that leaves early ends DATA, BDAT and lines, on a ${kind}`, async () => {
    for (const pieces of cuts(bytes("half a line"))) {
      assert.deepEqual(await readLines(readerOf(pieces, make)), ["<end>"]);
      assert.equal((await readData(readerOf(pieces, make), { limit: 100, bareLf: "refuse" })).ended, "end");
      assert.deepEqual(await drain(readerOf(pieces, make).bytes(12)), {
        text: "half a line",
        faults: [],
        ended: "end",
      });
    }
  });

  test(`a large message passes unchanged through a ${kind}`, async () => {
    let text = "";
    for (let i = 0; i < 4000; i++) text += `${i % 7 === 0 ? "." : ""}line ${i} ${"y".repeat(i % 90)}\r\n`;
    const wire = bytes(`${text.replace(/^\./gm, "..")}.\r\nQUIT\r\n`);
    for (
      const size of [1, 2, 3, 5, 1000, 16384, 65536, wire.length].filter((size) =>
        size > 100 || kind === "plain stream"
      )
    ) {
      const pieces = [];
      for (let i = 0; i < wire.length; i += size) pieces.push(wire.subarray(i, i + size));
      const reader = readerOf(pieces, make);
      const got = await readData(reader, { limit: 1e6, bareLf: "refuse" });
      assert.ok(got.text === text && got.ended === "done" && got.faults.length === 0, `pieces of ${size}`);
      assert.deepEqual(await readLines(reader), ["QUIT", "<end>"]);
    }
  });

  test(`release gives back what was read ahead and leaves a usable ${kind}`, async () => {
    const stream = make([bytes("STARTTLS\r\nahead"), bytes("later")]);
    const reader = createReader(stream);
    assert.equal((await reader.line(512)).kind, "line");
    assert.equal(reader.buffered, 5);
    assert.equal(latin1Decode(reader.release()), "ahead");
    assert.ok(!("locked" in stream) || !stream.locked);
    await assert.rejects(reader.line(512), /given up/);
    assert.deepEqual(await drain(createReader(stream).bytes(5)), { text: "later", faults: [], ended: "done" });
  });
}

test("hasLine tells of whole lines and of verdicts, never of half a line", async () => {
  const reader = readerOf([bytes("A\r\nB\r\nC")]);
  assert.equal(reader.hasLine(), false);
  await reader.line(512);
  assert.equal(reader.hasLine(), true);
  assert.equal(reader.takeLine(512)?.kind, "line");
  assert.equal(reader.hasLine(), false);
  assert.equal(reader.buffered, 1);
  assert.equal(reader.takeLine(512), undefined);
  assert.equal(reader.takeLine(1)?.kind, "too-long");
  assert.equal(reader.hasLine(), true);
});

test("hasLine looks anew after each drip of a long line", async () => {
  const reader = readerOf([bytes("A\r\nhalf"), bytes(" a li"), bytes("ne\r\nB\r\n")]);
  await reader.line(512);
  assert.equal(reader.hasLine(), false);
  const line = await reader.line(512);
  assert.equal(line.kind === "line" && latin1Decode(line.bytes), "half a line");
  assert.equal(reader.hasLine(), true);
});

test("cancel rejects the pending read and all later ones with its reason", async () => {
  const reader = createReader(new ReadableStream({ type: "bytes" }) as ReadableStream<Uint8Array<ArrayBuffer>>);
  const pending = reader.line(512);
  const reason = new Error("timeout");
  assert.throws(() => reader.release(), /pending/);
  await assert.rejects(reader.line(512), /another read/);
  reader.cancel(reason);
  reader.cancel(new Error("too late to matter"));
  await assert.rejects(pending, reason);
  await assert.rejects(reader.line(512), reason);
  await assert.rejects(async () => await reader.data({ limit: 1, bareLf: "refuse" }).next(), reason);
  await assert.rejects(async () => await reader.bytes(1).next(), reason);
  assert.throws(() => reader.takeLine(512), reason);
  assert.equal(reader.hasLine(), false);
});

test("a broken connection rejects with the stream's error", async () => {
  for (const type of ["bytes", undefined] as const) {
    const broken = new Error("reset by peer");
    const stream = new ReadableStream({ type: type as "bytes", pull: () => Promise.reject(broken) });
    const reader = createReader(stream as ReadableStream<Uint8Array<ArrayBuffer>>);
    await assert.rejects(reader.line(512), broken);
    await assert.rejects(reader.line(512), broken);
  }
  const reader = createReader({ ...calls([]), read: () => Promise.reject(new Error("reset by peer")) });
  await assert.rejects(reader.line(512), /reset by peer/);
  await assert.rejects(reader.line(512), /reset by peer/);
});

test("a locked stream is refused instead of read behind its owner's back", () => {
  const stream = readerOf([bytes("x")]) && new ReadableStream({ type: "bytes" });
  stream.getReader();
  assert.throws(() => createReader(stream as ReadableStream<Uint8Array<ArrayBuffer>>), TypeError);
});

test("a lone LF ends a line where the owner allows it", async () => {
  for (const pieces of cuts(bytes("220 hi\n250-a\r\n250 b\n"))) {
    assert.deepEqual(await readLines(readerOf(pieces, undefined, { bareLf: "allow" })), [
      "220 hi",
      "250-a",
      "250 b",
      "<end>",
    ]);
  }
});

test("bytes of length 0 are done at once", async () => {
  assert.deepEqual(await readerOf([]).bytes(0).next(), { kind: "done" });
});

test("retire() ends all reading and lets the next reader have the buffer, with nothing of the old one in it", async () => {
  const first = readerOf([bytes("DATA\r\nsecret\r\n.\r\n")]);
  await first.line(512);
  const data = first.data({ limit: 1000, bareLf: "refuse" });
  for (let event = await data.next(); event.kind === "chunk"; event = await data.next());
  first.retire();
  assert.throws(() => first.takeLine(512), /given up/);
  const second = readerOf([bytes("DATA\r\nx\r\n.\r\n")]);
  await second.line(512);
  const events: string[] = [];
  const next = second.data({ limit: 1000, bareLf: "refuse" });
  for (let event = await next.next(); event.kind === "chunk"; event = await next.next()) {
    events.push(latin1Decode(event.bytes));
  }
  assert.equal(events.join(""), "x\r\n");
});
