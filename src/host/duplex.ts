/**
 * A connection as a node `Duplex`, for TLS to run over.
 *
 * Takes the connection's reader and writer for good, and closes the connection when it is destroyed. The gate is what Deno's TLS
 * lacks: while it is shut no ciphertext is read, so that a slow reader above holds its peer back (runtime.md, trap 1).
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Bytes } from "../base/bytes.ts";
import { closeConn } from "./conn.ts";
import type { Conn } from "./types.ts";

/** One TLS record fits (RFC 8446 §5.1: at most 2^14 octets and its frame). */
const READ_SIZE = 16_640;

export interface ConnDuplex {
  readonly duplex: Duplex;
  /** Lets ciphertext in, or holds it back. Open at first. */
  gate(open: boolean): void;
  /**
   * Reads until `enough` says so of all that came, or the peer ends, and gives TLS the same octets later. Only before TLS is attached. Rejects
   * when the connection breaks.
   */
  peek(enough: (octets: Uint8Array) => boolean): Promise<Uint8Array>;
}

/** Throws TypeError when somebody still holds a reader or writer. `first` is written before anything else, in this very tick. */
export function connDuplex(conn: Conn, first?: Uint8Array): ConnDuplex {
  const reader = conn.readable.getReader({ mode: "byob" });
  const writer = conn.writable.getWriter();
  reader.closed.catch(() => {});
  writer.closed.catch(() => {});
  let buffer = new ArrayBuffer(READ_SIZE);
  let open = true;
  /** TLS has asked for more; a read is on its way. */
  let asked = false;
  let busy = false;

  /** What `peek` has read and TLS has not. */
  let held: Buffer | undefined;

  const received = ({ value, done }: ReadableStreamReadResult<Bytes>) => {
    busy = false;
    if (done || value === undefined) return void duplex.push(null);
    // The buffer comes back with the view and is used again, so TLS gets a copy.
    const copy = Buffer.from(value);
    buffer = value.buffer;
    if (!duplex.destroyed) duplex.push(copy);
  };
  const read = () => {
    if (busy || !open || !asked || duplex.destroyed) return;
    asked = false;
    if (held !== undefined) {
      const first = held;
      held = undefined;
      duplex.push(first);
      return;
    }
    busy = true;
    reader.read(new Uint8Array(buffer)).then(received).catch((reason) => void duplex.destroy(asError(reason)));
  };

  const duplex = new Duplex({
    allowHalfOpen: true,
    readableHighWaterMark: READ_SIZE,
    read() {
      asked = true;
      read();
    },
    write(chunk: Uint8Array, _encoding, done) {
      writer.write(chunk).then(() => done(), (reason) => done(asError(reason)));
    },
    final(done) {
      conn.closeWrite().then(() => done(), () => done());
    },
    destroy(error, done) {
      closeConn(conn);
      done(error);
    },
  });
  // Somebody must hear it; who waits for the handshake hears "close".
  duplex.on("error", () => {});
  if (first !== undefined) writer.write(first).catch((reason) => void duplex.destroy(asError(reason)));

  return {
    duplex,
    gate(on) {
      open = on;
      read();
    },
    async peek(enough) {
      let got = Buffer.alloc(0);
      while (!enough(got)) {
        const { value, done } = await reader.read(new Uint8Array(buffer));
        // An end stays an end: the reader tells it again.
        if (done || value === undefined) break;
        got = Buffer.concat([got, value]);
        buffer = value.buffer;
      }
      if (got.length > 0) held = got;
      return got;
    },
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
