import assert from "node:assert/strict";
import { latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { createWriter } from "../../src/wire/writer.ts";
import { test } from "../kit/test.ts";

/** Takes `most` octets a call, each call when it is let. */
function slow(most: number) {
  let text = "";
  const calls: (() => void)[] = [];
  let fault: Error | undefined;
  const octets = {
    read: () => Promise.resolve(null),
    write: (from: Uint8Array) =>
      new Promise<number>((resolve, reject) =>
        calls.push(() => {
          if (fault !== undefined) return reject(fault);
          const taken = from.subarray(0, most);
          text += latin1Decode(taken);
          resolve(taken.length);
        })
      ),
    closeWrite: () => Promise.resolve(void (text += "|")),
  };
  return {
    octets,
    get text() {
      return text;
    },
    get calls() {
      return calls.length;
    },
    break: (reason: Error) => fault = reason,
    async let(count: number) {
      for (let i = 0; i < count; i++) {
        calls.shift()?.();
        for (let turn = 0; turn < 8; turn++) await undefined;
      }
    },
  };
}

test("what is taken in parts goes out whole, and writes keep their order", async () => {
  const to = slow(2);
  const writer = createWriter(to.octets);
  const all = Promise.all(["abc", "de", "f"].map((text) => writer.write(latin1Encode(text))));
  assert.equal(to.calls, 1);
  await to.let(4);
  await all;
  assert.equal(to.text, "abcdef");
  await writer.close();
  assert.equal(to.text, "abcdef|");
});

test("a write that fails fails those behind it, and all later ones", async () => {
  const to = slow(10);
  const writer = createWriter(to.octets);
  const writes = ["a", "b"].map((text) => writer.write(latin1Encode(text)));
  const settled = Promise.allSettled(writes);
  to.break(new Error("broken pipe"));
  await to.let(1);
  assert.deepEqual((await settled).map(({ status }) => status), ["rejected", "rejected"]);
  await assert.rejects(writer.write(latin1Encode("c")), /broken pipe/);
  assert.equal(to.text, "");
});

test("after abort() nothing more is written", async () => {
  const to = slow(1);
  const writer = createWriter(to.octets);
  const settled = Promise.allSettled([writer.write(latin1Encode("ab")), writer.write(latin1Encode("c"))]);
  await writer.abort(new Error("enough"));
  await to.let(1);
  assert.deepEqual((await settled).map((one) => one.status === "rejected" && one.reason.message), ["enough", "enough"]);
  assert.equal(to.text, "a");
  await assert.rejects(writer.write(latin1Encode("d")), /enough/);
});

test("a stream is written to as it is", async () => {
  let text = "";
  const stream = new WritableStream<Uint8Array<ArrayBufferLike>>({
    write: (chunk) => void (text += latin1Decode(chunk)),
  });
  const writer = createWriter(stream);
  await Promise.all([writer.write(latin1Encode("a")), writer.write(latin1Encode("b"))]);
  writer.releaseLock();
  assert.equal(text, "ab");
  assert.equal(stream.locked, false);
});
