/** A server that talks in lines, in memory: the far end of plugins that ask one. Each line gets what `answer` makes of it. */
import { latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Conn } from "../../src/host/types.ts";
import type { MemoryMachine } from "./memory_host.ts";

export interface LineServer {
  /** Every line of every connection, in order. */
  readonly lines: readonly string[];
  stop(): void;
}

export interface LineServerOptions {
  readonly greeting?: string;
  /** Text to send, or `undefined` to hang up. `""` says nothing. */
  readonly answer: (line: string) => string | undefined;
}

export function lineServer(
  machine: MemoryMachine,
  at: { readonly hostname: string; readonly port: number } | { readonly path: string },
  { greeting = "", answer }: LineServerOptions,
): LineServer {
  const listener = machine.net.listen(at);
  const lines: string[] = [];
  const talk = async (conn: Conn) => {
    const reader = conn.readable.getReader();
    const writer = conn.writable.getWriter();
    if (greeting !== "") await writer.write(latin1Encode(greeting));
    let held = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      held += latin1Decode(value as Bytes);
      for (let end = held.indexOf("\n"); end >= 0; end = held.indexOf("\n")) {
        const line = held.slice(0, end).replace(/\r$/, "");
        held = held.slice(end + 1);
        lines.push(line);
        const said = answer(line);
        if (said === undefined) return conn.close();
        if (said !== "") await writer.write(latin1Encode(said));
      }
    }
  };
  void (async () => {
    for await (const conn of listener) talk(conn).catch(() => {});
  })();
  return { lines, stop: () => listener.close() };
}
