import assert from "node:assert/strict";
import { concat, latin1Encode } from "../../src/base/bytes.ts";
import { Intake, readHead } from "../../src/session/intake.ts";
import { MemoryBody } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const noSpool = () => {
  throw new Error("Cannot spool: not in this test");
};

async function all(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  return concat(await Array.fromAsync(stream));
}

test("Intake keeps a small body in memory, whatever the chunks", async () => {
  const body = latin1Encode("Subject: x\r\n\r\nbody\r\n");
  for (let size = 1; size <= body.length; size++) {
    const intake = new Intake(1000, noSpool);
    for (let at = 0; at < body.length; at += size) await intake.add(body.subarray(at, at + size));
    assert.equal(intake.octets, body.length);
    const { source, start } = await intake.finish();
    assert.deepEqual(source.bytes, body);
    assert.equal(start, undefined);
  }
});

test("Intake takes a copy: the chunk is the reader's own", async () => {
  const intake = new Intake(1000, noSpool);
  const chunk = latin1Encode("abc");
  await intake.add(chunk);
  chunk.fill(0);
  assert.deepEqual((await intake.finish()).source.bytes, latin1Encode("abc"));
});

test("Intake streams a large body to the file, and keeps its header at hand", async () => {
  const body = latin1Encode(`Subject: x\r\nReceived: y\r\n\r\n${"0123456789".repeat(30_000)}`);
  for (const spoolAfter of [0, 10, 70_000, 200_000]) {
    for (const size of [1000, 65_536, 100_000]) {
      const file = new MemoryBody();
      const intake = new Intake(spoolAfter, () => file);
      for (let at = 0; at < body.length; at += size) await intake.add(body.subarray(at, at + size));
      const { source, head, start } = await intake.finish();
      assert.deepEqual(await all(source.open()), body);
      assert.deepEqual(start, latin1Encode("Subject: x\r\nReceived: y\r\n\r\n"));
      assert.equal(head.received, 1);
      assert.ok(file.writes.length < 8, `written in ${file.writes.length} pieces`);
    }
  }
});

test("Intake lets go of its file", async () => {
  const file = new MemoryBody();
  const intake = new Intake(0, () => file);
  await intake.add(latin1Encode("abc"));
  intake.discard();
  assert.equal(file.discarded, true);
});

test("Intake passes on what the disk says", async () => {
  const intake = new Intake(0, () => {
    throw new Error("no space");
  });
  await assert.rejects(async () => await intake.add(latin1Encode("abc")), /no space/);
});

test("readHead() counts fields and lines of the header, and nothing of the body", () => {
  const facts = (text: string) => readHead(latin1Encode(text));
  assert.deepEqual(facts("Received: a\r\n\tReceived: folded\r\nRECEIVED: b\r\nX: c\r\n\r\nReceived: d\r\n"), {
    received: 2,
    lines: 4,
    authResults: false,
    messageId: false,
    date: false,
    hasParts: false,
    end: 53,
  });
  for (const value of ["multipart/mixed", "\r\n Message/rfc822", " (it is) multipart/x"]) {
    assert.equal(facts(`Content-Type :${value}\r\n\r\n`).hasParts, true, value);
  }
  for (
    const text of ["Content-Type: text/plain\r\n\r\n", "Content-Types: m\r\n\r\n", "\r\nContent-Type: multipart/x\r\n"]
  ) {
    assert.equal(facts(text).hasParts, false, text);
  }
  assert.equal(facts("").end, undefined);
  assert.equal(facts("\r\nbody").end, 2);
  assert.equal(facts("A: b").lines, 1);
  assert.equal(facts("Message-ID: <1@b>\r\ndate: x\r\n").messageId, true);
  assert.equal(facts("Message-ID: <1@b>\r\ndate: x\r\n").date, true);
  assert.equal(facts("Message-Id: <>\r\n").messageId, false);
  assert.equal(facts("Message-Id: <>").messageId, false);
  assert.equal(facts("authentication-RESULTS: x\r\n").authResults, true);
  assert.equal(facts("Authentication-Results \t: x\r\n").authResults, true);
  assert.equal(facts("Authentication-Results-Not: x\r\n").authResults, false);
  assert.equal(facts("Message-Id : <1@b>\r\n").messageId, true);
  assert.equal(facts("Received :a\r\nReceived\r\n").received, 1);
});

test("Intake counts the parts of a multipart while it arrives, and keeps nothing of one that has too many", async () => {
  const part = `--b\r\nContent-Type: text/plain\r\n\r\n${"x".repeat(3000)}\r\n`;
  const bodyOf = (parts: number) =>
    latin1Encode(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(parts)}--b--\r\n`);
  for (const [parts, tooMany] of [[50, false], [51, true], [500, true]] as const) {
    for (const spoolAfter of [0, Infinity]) {
      const body = bodyOf(parts);
      const file = new MemoryBody();
      const intake = new Intake(spoolAfter, () => file, 50);
      for (let at = 0; at < body.length; at += 16_384) await intake.add(body.subarray(at, at + 16_384));
      // A large one is known before its end.
      if (spoolAfter === 0) assert.equal(intake.hasTooManyParts, parts === 500);
      const { source } = await intake.finish();
      assert.equal(intake.hasTooManyParts, tooMany);
      if (!tooMany) assert.deepEqual(await all(source.open()), body);
      assert.equal(file.discarded, spoolAfter === 0 && parts === 500);
      if (parts === 500 && spoolAfter === 0) assert.ok(file.writes.length < 4);
    }
  }
});

test("Intake counts parts behind a header that does not end in sight, and none without a limit", async () => {
  const long = `X: ${"x".repeat(70_000)}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b\r\n`;
  for (const [limit, tooMany] of [[1, true], [2, false], [0, false]] as const) {
    const intake = new Intake(0, () => new MemoryBody(), limit);
    await intake.add(latin1Encode(long));
    await intake.finish();
    assert.equal(intake.hasTooManyParts, tooMany);
  }
});
