/** Pours a stream of ours into one of Node's. Rejects with the first error of either; the other end is closed then. */
import type { Bytes } from "../base/bytes.ts";
import type { ByteSink } from "./package.ts";

export async function feed(from: ReadableStream<Bytes>, into: ByteSink, signal?: AbortSignal): Promise<void> {
  // The callbacks below hear of it too; without a listener Node would end the process.
  into.on("error", () => {});
  for await (const chunk of from) {
    signal?.throwIfAborted();
    await told((done) => into.write(chunk, done));
  }
  await told((done) => into.end(done));
}

function told(act: (done: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => void act((error) => error ? reject(error) : resolve()));
}
