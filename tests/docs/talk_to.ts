/** Says lines to a server, each once the one before is answered; gives the last line of each reply, the greeting first. */
import { connect } from "node:net";

export async function talkTo(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  lines: readonly string[],
): Promise<string[]> {
  const socket = connect(port, hostname);
  const replies: string[] = [];
  const waiting = [...lines];
  let held = "";
  for await (const octets of socket) {
    held += octets.toString("latin1");
    for (let end = held.indexOf("\r\n"); end >= 0; end = held.indexOf("\r\n")) {
      const line = held.slice(0, end);
      held = held.slice(end + 2);
      if (line[3] === "-") continue;
      replies.push(line);
      const next = waiting.shift();
      if (next !== undefined) socket.write(`${next}\r\n`);
    }
  }
  return replies;
}
