/** The client's end of a session in memory, for `kasi -t`: what it says goes to the session, reply by reply comes back. No socket. */
import { type Bytes, utf8Decode, utf8Encode } from "../base/bytes.ts";

export interface MemoryClient {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>>;
  /** The next reply's code; undefined when the session has ended. */
  reply(): Promise<number | undefined>;
  say(data: string | Uint8Array): void;
  /** Ends both directions. */
  end(): void;
}

export function memoryClient(): MemoryClient {
  let toSession!: ReadableByteStreamController;
  const readable = new ReadableStream<Bytes>({
    type: "bytes",
    start: (it) => void (toSession = it as typeof toSession),
  });
  const codes: number[] = [];
  let text = "";
  let over = false;
  let wake = Promise.withResolvers<void>();
  const stir = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const finish = () => {
    over = true;
    stir();
  };
  const writable = new WritableStream<Uint8Array<ArrayBufferLike>>({
    write(chunk) {
      const lines = (text + utf8Decode(chunk)).split("\r\n");
      text = lines.pop()!;
      for (const line of lines) if (line[3] !== "-") codes.push(Number(line.slice(0, 3)));
      stir();
    },
    close: finish,
    abort: finish,
  });
  return {
    readable,
    writable,
    async reply() {
      while (codes.length === 0 && !over) await wake.promise;
      return codes.shift();
    },
    say(data) {
      if (!over) toSession.enqueue(typeof data === "string" ? utf8Encode(data) : new Uint8Array(data));
    },
    end() {
      finish();
      try {
        toSession.close();
      } catch { /* the session has let go of it already */ }
    },
  };
}
