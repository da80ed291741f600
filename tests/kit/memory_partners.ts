/**
 * Partners in a network in memory: a next hop (SMTP or LMTP, by what it is greeted with) that says yes to everything and keeps nothing, and
 * Dovecot's auth-userdb with the users it is given.
 */
import { latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import type { Conn, Listener } from "../../src/host/types.ts";

export interface MemoryHop {
  /** How many messages it has taken. */
  readonly taken: number;
  close(): void;
}

export function memoryHop(listener: Listener): MemoryHop {
  const hop = { taken: 0, close: () => listener.close() };
  serveEach(listener, (conn) => smtp(conn, () => void hop.taken++));
  return hop;
}

export function memoryUserdb(listener: Listener, users: readonly string[]): { close(): void } {
  serveEach(listener, async (conn) => {
    const writer = conn.writable.getWriter();
    await writer.write(utf8Encode("VERSION\t1\t1\nSPID\t1\n"));
    let text = "";
    for await (const chunk of conn.readable) {
      text += latin1Decode(chunk);
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const [verb, id, user = ""] = text.slice(0, end).split("\t");
        text = text.slice(end + 1);
        if (verb !== "USER") continue;
        await writer.write(utf8Encode(users.includes(user) ? `USER\t${id}\t${user}\tuid=1000\n` : `NOTFOUND\t${id}\n`));
      }
    }
  });
  return { close: () => listener.close() };
}

async function serveEach(listener: Listener, serve: (conn: Conn) => Promise<void>): Promise<void> {
  for await (const conn of listener) {
    // A client that breaks off is its own affair.
    serve(conn).catch(() => {});
  }
}

async function smtp(conn: Conn, onTaken: () => void): Promise<void> {
  const writer = conn.writable.getWriter();
  const say = (line: string) => writer.write(utf8Encode(`${line}\r\n`));
  await say("220 hop.test");
  let text = "";
  let recipients = 0;
  let isLmtp = false;
  let isContent = false;
  for await (const chunk of conn.readable) {
    text += latin1Decode(chunk);
    for (;;) {
      const end = isContent ? text.indexOf("\r\n.\r\n") : text.indexOf("\r\n");
      if (end < 0) break;
      const line = text.slice(0, end);
      text = text.slice(end + (isContent ? 5 : 2));
      if (isContent) {
        isContent = false;
        onTaken();
        for (let i = isLmtp ? recipients : 1; i > 0; i--) await say("250 2.0.0 Taken");
        continue;
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "LHLO") isLmtp = true;
      if (verb === "MAIL") recipients = 0;
      if (verb === "RCPT") recipients++;
      isContent = verb === "DATA";
      if (verb === "EHLO" || verb === "LHLO") {
        await say("250-hop.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8");
      } else await say(verb === "DATA" ? "354 Go on" : verb === "QUIT" ? "221 2.0.0 Bye" : "250 2.0.0 Ok");
    }
  }
}
