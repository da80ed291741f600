/**
 * CommonJS modules and Node's streams for plugins written for Haraka, the same under both doors. Imported only when there is such a plugin.
 *
 * A plain file is compiled as a function in our own realm: its arrays are our arrays and its errors our errors, which a context of its own
 * (`vm.createContext`) would not give; it is no sandbox, plugins are trusted.
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import process from "node:process";
import { Readable } from "node:stream";
import { compileFunction } from "node:vm";
import type { CommonJs, NodeReadable } from "./types.ts";

export const commonJs: CommonJs = {
  run(path, text, scope, self) {
    const names = Object.keys(scope);
    // A first line `#!` is for shells.
    const compiled = compileFunction(text.replace(/^#!.*/, ""), names, { filename: path });
    compiled.apply(self, names.map((name) => scope[name]));
  },
  requireFor: (path) => createRequire(path),
  pathOf(exports) {
    const { cache } = createRequire(import.meta.url.startsWith("file:") ? import.meta.url : "/");
    return Object.keys(cache).find((path) => cache[path]?.exports === exports);
  },
  define(names) {
    for (const [name, value] of Object.entries(names)) {
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
    }
  },
  setEnv(name, value) {
    process.env[name] ??= value;
  },
  buffer: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  readable: (stream) => Readable.from(chunksOf(stream), { objectMode: false }) as unknown as NodeReadable,
};

async function* chunksOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) yield commonJs.buffer(chunk);
}
