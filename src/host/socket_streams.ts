/**
 * A node socket (TCP or TLS) as the octets of a `Conn`: by calls, or by two streams that are made when they are asked for.
 *
 * `readable` is a byte stream: BYOB readers fill their own buffer. `read` is not for use beside it, nor `write` beside `writable`. At most `HIGH` octets (and what the socket itself buffers) wait
 * unread; beyond that the socket is paused and `flow(false)` tells the layer below. A fault of the socket fails reads and writes.
 */
import type { Duplex } from "node:stream";
import type { Bytes } from "../base/bytes.ts";

/** Octets held for a slow reader before the socket is paused, and to which it must fall before it goes on. */
const HIGH = 65_536;
const LOW = 16_384;
/** What a read without a buffer of its own gets at most. */
const CHUNK = 16_384;

export interface SocketStreams {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>>;
  read(into: Uint8Array): Promise<number | null>;
  write(from: Uint8Array): Promise<number>;
  /** Makes the pending and all later reads fail. */
  fail(reason: unknown): void;
}

/** `onEnd`: the peer has ended its direction. `onGone`: the owner cancelled or aborted a stream, or the socket failed. */
export function socketStreams(
  socket: Duplex,
  handlers: { flow?: (on: boolean) => void; onEnd?: () => void; onGone: (reason: unknown) => void },
): SocketStreams {
  const held: Uint8Array[] = [];
  let size = 0;
  let paused = false;
  let ended = false;
  let fault: { readonly reason: unknown } | undefined;
  let wake: (() => void) | undefined;

  const changed = () => {
    const waiting = wake;
    wake = undefined;
    waiting?.();
  };
  const fail = (reason: unknown) => {
    fault ??= { reason };
    changed();
  };
  const flow = (on: boolean) => {
    paused = !on;
    if (on) socket.resume();
    else socket.pause();
    handlers.flow?.(on);
  };

  socket.on("data", (chunk: Uint8Array) => {
    held.push(chunk);
    size += chunk.length;
    if (size >= HIGH && !paused) flow(false);
    changed();
  });
  socket.on("end", () => {
    ended = true;
    changed();
    handlers.onEnd?.();
  });
  socket.on("error", (reason) => {
    fail(reason);
    handlers.onGone(reason);
  });
  socket.on("close", () => {
    if (!ended) fail(closedError());
    handlers.onGone(closedError());
  });

  const read = async (into: Uint8Array): Promise<number | null> => {
    while (size === 0 && !ended && fault === undefined) await new Promise<void>((resolve) => wake = resolve);
    if (size === 0) {
      if (fault !== undefined) throw fault.reason;
      return null;
    }
    const taken = take(held, into);
    size -= taken;
    if (paused && size <= LOW && fault === undefined) flow(true);
    return taken;
  };
  const write = (bytes: Uint8Array): Promise<number> =>
    new Promise((resolve, reject) => {
      if (fault !== undefined) return reject(fault.reason);
      socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });

  let readable: ReadableStream<Bytes> | undefined;
  let writable: SocketStreams["writable"] | undefined;
  return {
    read,
    write,
    fail,
    get readable() {
      return readable ??= new ReadableStream({
        type: "bytes",
        autoAllocateChunkSize: CHUNK,
        async pull(controller) {
          const request = controller.byobRequest!;
          const { buffer, byteOffset, byteLength } = request.view!;
          const taken = await read(new Uint8Array(buffer, byteOffset, byteLength));
          if (taken === null) controller.close();
          request.respond(taken ?? 0);
        },
        cancel: (reason) => handlers.onGone(reason),
      }) as ReadableStream<Bytes>;
    },
    get writable() {
      return writable ??= new WritableStream<Uint8Array<ArrayBufferLike>>({
        write: (bytes) => write(bytes).then(() => {}),
        close: () => new Promise((resolve) => socket.end(resolve)),
        abort: (reason) => handlers.onGone(reason),
      });
    },
  };
}

/** Moves octets from the front of `held` into `into`. */
function take(held: Uint8Array[], into: Uint8Array): number {
  let at = 0;
  while (at < into.length && held.length > 0) {
    const first = held[0]!;
    const length = Math.min(first.length, into.length - at);
    into.set(length === first.length ? first : first.subarray(0, length), at);
    at += length;
    if (length === first.length) held.shift();
    else held[0] = first.subarray(length);
  }
  return at;
}

export function closedError(): Error {
  return Object.assign(new Error("The connection is closed"), { code: "ECONNRESET" });
}
