import assert from "node:assert/strict";
import { latin1Decode } from "../../src/base/bytes.ts";
import { Output } from "../../src/session/output.ts";
import { test } from "../kit/test.ts";

function sink(write: (chunk: Uint8Array) => void | Promise<void> = () => {}) {
  const writes: string[] = [];
  let closed = false;
  const writable = new WritableStream<Uint8Array<ArrayBufferLike>>({
    write: (chunk) => (writes.push(latin1Decode(chunk)), write(chunk)),
    close: () => void (closed = true),
  });
  return { writable, writes, closed: () => closed };
}

test("Output gathers and writes once", async () => {
  const { writable, writes, closed } = sink();
  const output = new Output(writable);
  output.add("one\r\n");
  output.add("two\r\n");
  assert.equal(output.pending, true);
  await output.flush();
  await output.flush();
  assert.deepEqual(writes, ["one\r\ntwo\r\n"]);
  assert.equal(output.pending, false);
  await output.close();
  assert.equal(closed(), true);
});

test("Output.abort() ends a flush that is stuck, and all later ones", async () => {
  const { writable } = sink(() => new Promise(() => {}));
  const output = new Output(writable);
  output.add("x");
  const flush = output.flush();
  output.abort(new Error("enough"));
  await assert.rejects(flush, /enough/);
  output.add("y");
  await assert.rejects(output.flush(), /enough/);
  await output.close();
});

test("Output.flush() rejects when the peer has gone, and close() does not", async () => {
  const { writable } = sink(() => Promise.reject(new Error("broken pipe")));
  const output = new Output(writable);
  output.add("x");
  await assert.rejects(output.flush(), /broken pipe/);
  await output.close();
});

test("Output.release() hands over what was not written, and the stream", async () => {
  const { writable, writes } = sink();
  const output = new Output(writable);
  output.add("220 go\r\n");
  assert.equal(latin1Decode(output.release()), "220 go\r\n");
  assert.equal(writable.locked, false);
  const other = sink();
  output.replace(other.writable);
  output.add("250 hi\r\n");
  await output.flush();
  assert.deepEqual([writes, other.writes], [[], ["250 hi\r\n"]]);
  await output.close();
});
