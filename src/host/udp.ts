/** Datagrams to one UDP port, by `node:dgram`, which works the same on both runtimes. */
import dgram from "node:dgram";
import type { Datagrams } from "./types.ts";

export function openUdp({ address, port }: { readonly address: string; readonly port: number }): Promise<Datagrams> {
  const socket = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
  // Where it has no callback to go to, an error would end the process.
  let fault: Error | undefined;
  socket.on("error", (reason) => fault = reason);
  let open = true;
  return Promise.resolve({
    send: (bytes) =>
      new Promise<void>((resolve, reject) => {
        if (!open || fault !== undefined) return reject(fault ?? new Error("The socket is closed"));
        socket.send(bytes, port, address, (error) => error ? reject(error) : resolve());
      }),
    close() {
      if (open) socket.close();
      open = false;
    },
  });
}
