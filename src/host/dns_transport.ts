/** One DNS exchange with one server: UDP, and TCP when the answer was cut off. Each has its own socket, and so its own port (RFC 5452). */
import dgram from "node:dgram";
import net from "node:net";
import { type Bytes, concat } from "../base/bytes.ts";
import { normalizeIp } from "../base/ip.ts";

export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

/** `accept` says whether a datagram is the answer; others (forged or late) are passed over. Rejects with a network fault or the signal's reason. */
export function askUdp<A>(
  server: DnsServer,
  query: Bytes,
  accept: (bytes: Uint8Array) => A | undefined,
  signal: AbortSignal,
): Promise<A> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = dgram.createSocket(server.address.includes(":") ? "udp6" : "udp4");
    let open = true;
    const close = () => {
      if (open) socket.close();
      open = false;
      signal.removeEventListener("abort", onAbort);
    };
    const fail = (reason: unknown) => {
      close();
      reject(reason);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", fail);
    socket.on("message", (bytes, from) => {
      if (from.port !== server.port || normalizeIp(from.address) !== normalizeIp(server.address)) return;
      const answer = accept(bytes);
      if (answer === undefined) return;
      close();
      resolve(answer);
    });
    socket.send(query, server.port, server.address, (error) => error && fail(error));
  });
}

/** RFC 1035 §4.2.2: two octets of length before each message. */
export function askTcp<A>(
  server: DnsServer,
  query: Bytes,
  accept: (bytes: Uint8Array) => A | undefined,
  signal: AbortSignal,
): Promise<A> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = net.connect({ host: server.address, port: server.port });
    let got: Uint8Array = new Uint8Array(0);
    const finish = (settle: () => void) => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      settle();
    };
    const fail = (reason: unknown) => finish(() => reject(reason));
    const onAbort = () => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", fail);
    socket.on("end", () => fail(new Error("The server closed the connection without an answer")));
    socket.on("connect", () => socket.write(concat([new Uint8Array([query.length >> 8, query.length & 255]), query])));
    socket.on("data", (bytes: Uint8Array) => {
      got = concat([got, bytes]);
      const length = got.length < 2 ? Infinity : got[0]! << 8 | got[1]!;
      if (got.length < 2 + length) return;
      const answer = accept(got.subarray(2, 2 + length));
      if (answer === undefined) fail(new Error("The answer over TCP is not to the question"));
      else finish(() => resolve(answer));
    });
  });
}
