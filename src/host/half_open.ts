/**
 * A connection whose peer may end its direction and still be answered.
 *
 * On Deno `conn.readable` closes the whole connection when it meets the peer's end, and what we had still to say is lost. Here the octets come
 * by `conn.read`, and only `close()` closes. A host whose streams know better (no `read` on the connection) keeps its own. The stream is made when it is
 * asked for: most sessions read without one.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Addr, Conn } from "./types.ts";

/** What a read without a buffer of its own gets at most. */
const CHUNK = 16_384;

/** To be used in the place of `conn`, whose own `readable` must not have been asked for. */
export function halfOpen(conn: Conn): Conn {
  return conn.read === undefined ? conn : new HalfOpenConn(conn as ReadingConn);
}

type ReadingConn = Conn & Required<Pick<Conn, "read">>;

class HalfOpenConn implements Conn {
  readonly localAddr: Addr;
  readonly remoteAddr: Addr;
  readonly #conn: ReadingConn;
  #readable: ReadableStream<Bytes> | undefined;

  constructor(conn: ReadingConn) {
    this.#conn = conn;
    this.localAddr = conn.localAddr;
    this.remoteAddr = conn.remoteAddr;
  }

  get readable(): ReadableStream<Bytes> {
    return this.#readable ??= streamOf(this.#conn);
  }

  get writable(): Conn["writable"] {
    return this.#conn.writable;
  }
  close(): void {
    this.#conn.close();
  }
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }
  setNoDelay(on?: boolean): void {
    this.#conn.setNoDelay?.(on);
  }
}

function streamOf(conn: ReadingConn): ReadableStream<Bytes> {
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: CHUNK,
    async pull(controller) {
      const request = controller.byobRequest!;
      const octets = await conn.read(request.view as Uint8Array);
      if (octets === null) controller.close();
      request.respond(octets ?? 0);
    },
  }, { highWaterMark: 0 }) as ReadableStream<Bytes>;
}
