import assert from "node:assert/strict";
import type { Bytes } from "../../src/base/bytes.ts";
import { halfOpen } from "../../src/host/half_open.ts";
import type { Conn } from "../../src/host/types.ts";
import { test } from "../kit/test.ts";

/** A connection as Deno's: `readable` closes all of it at the peer's end, `read` closes nothing. */
function denoLike(parts: readonly (string | Error)[]) {
  const calls: string[] = [];
  const waiting = [...parts];
  const conn: Conn = {
    get readable(): ReadableStream<Bytes> {
      throw new Error("nobody may ask for this");
    },
    writable: new WritableStream(),
    localAddr: { transport: "tcp", hostname: "127.0.0.1", port: 25 },
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1025 },
    close: () => void calls.push("close"),
    closeWrite: () => Promise.resolve(void calls.push("closeWrite")),
    setNoDelay: () => void calls.push("setNoDelay"),
    read(into) {
      const part = waiting.shift();
      if (part instanceof Error) return Promise.reject(part);
      return Promise.resolve(part === undefined ? null : new TextEncoder().encodeInto(part, into).written);
    },
  };
  return { conn, calls };
}

test("octets come one read at a time, and the peer's end closes nothing", async () => {
  const { conn, calls } = denoLike(["one", "two"]);
  const open = halfOpen(conn);
  const reader = open.readable.getReader({ mode: "byob" });
  const texts: string[] = [];
  for (let into = new Uint8Array(8);;) {
    const { value, done } = await reader.read(into);
    if (done) break;
    texts.push(new TextDecoder().decode(value));
    into = new Uint8Array(value!.buffer);
  }
  assert.deepEqual(texts, ["one", "two"]);
  assert.deepEqual(calls, []);
  assert.equal(open.writable, conn.writable);
  await open.closeWrite();
  open.close();
  assert.deepEqual(calls, ["closeWrite", "close"]);
});

test("a reader without a buffer of its own is served too; a broken connection fails the read", async () => {
  const { conn } = denoLike(["one", new Error("reset")]);
  const reader = halfOpen(conn).readable.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "one");
  await assert.rejects(reader.read(), /reset/);
});

test("a connection whose streams know better is left alone", () => {
  const { conn } = denoLike([]);
  const { read: _, ...without } = Object.getOwnPropertyDescriptors(conn);
  const plain = Object.defineProperties({}, without) as Conn;
  assert.equal(halfOpen(plain), plain);
});
