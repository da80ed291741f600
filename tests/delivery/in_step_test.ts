/**
 * Never out of step: an answer is never taken for the one to another command, whatever a peer says and when. Else a mail would be
 * reported delivered, or bounced, for what was said of another.
 */
import assert from "node:assert/strict";
import { Conversation } from "../../src/delivery/conversation.ts";
import { Peer } from "../../src/delivery/peer.ts";
import { Watch } from "../../src/delivery/watch.ts";
import type { Conn } from "../../src/host/types.ts";
import { NO_CAPABILITIES } from "../../src/wire/capabilities.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { FIRST, makeRoom, QUICK, type Room, SECOND, streamed, text, timed, TWO_HOSTS } from "./room.ts";
import { scriptedPeer } from "../kit/scripted_peer.ts";

const LONG = "A line that is repeated many times over to make a body of some size.\r\n".repeat(8000);
/** What is said to a line: replies, or nothing. `line` is "." for the end of a message. */
type Says = (line: string, connection: number, nth: number) => string;

interface Server {
  readonly said: string[];
  readonly connections: number;
  /** Says something unasked on every connection. */
  blurt(text: string): Promise<void>;
  stop(): void;
}

/** A peer that answers line by line with exactly what it is told to, be it too much or too little. */
function server(room: Room, says: Says, at = FIRST): Server {
  const listener = room.machine.net.listen(at);
  const conns: { conn: Conn; say: (text: string) => Promise<void> }[] = [];
  const state = {
    said: [] as string[],
    connections: 0,
    blurt: async (text: string) => {
      for (const { say } of conns) await say(text).catch(() => {});
    },
    stop() {
      listener.close();
      for (const { conn } of conns) {
        try {
          conn.close();
        } catch {
          // The other side was first.
        }
      }
    },
  };
  const talk = async (conn: Conn, number: number) => {
    const writer = conn.writable.getWriter();
    const say = (text: string) => text === "" ? Promise.resolve() : writer.write(new TextEncoder().encode(text));
    conns.push({ conn, say });
    await say("220 x\r\n");
    let [rest, data, nth] = ["", false, 0];
    for await (const chunk of conn.readable) {
      rest += new TextDecoder().decode(chunk);
      const lines = rest.split("\r\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (data && line !== ".") continue;
        state.said.push(line);
        const answer = says(line, number, nth++);
        if (line === ".") data = false;
        if (line === "DATA") data = answer.startsWith("354");
        await say(answer);
      }
    }
  };
  (async () => {
    for await (const conn of listener) talk(conn, state.connections++).catch(() => {});
  })();
  return state;
}

/** A well-behaved peer's answers; `but` has the first say. */
const polite = (but: Says = () => "", pipelining = true): Says => (line, connection, nth) => {
  const own = but(line, connection, nth);
  if (own !== "") return own;
  if (line.startsWith("EHLO")) return pipelining ? "250-x\r\n250 PIPELINING\r\n" : "250 x\r\n";
  if (line === "DATA") return "354 go\r\n";
  return line === "QUIT" ? "221 bye\r\n" : "250 ok\r\n";
};

test("MAIL refused and a 421 among the answers behind it: the rest is never taken for the next mail's", async () => {
  const room = makeRoom();
  const peer = server(
    room,
    polite((line, connection) => {
      if (connection > 0) return "";
      if (line.startsWith("MAIL")) return "550 5.7.1 not from you\r\n";
      if (line.startsWith("RCPT TO:<a")) return "421 4.3.2 going down soon\r\n";
      return line.startsWith("RCPT") || line === "DATA" ? "503 5.5.1 no MAIL\r\n" : "";
    }),
  );
  assert.deepEqual(await room.lines(), [
    "a@example.com failed 5.7.1 550 5.7.1 not from you",
    "b@example.com failed 5.7.1 550 5.7.1 not from you",
  ]);
  assert.deepEqual(await room.lines(), ["a@example.com delivered", "b@example.com delivered"]);
  assert.equal(peer.connections, 2);
  await room.close();
  peer.stop();
});

test("a 421 or a 250 to DATA though nobody was accepted ends the connection", async () => {
  for (const answer of ["421 4.3.2 enough\r\n", "250 2.0.0 whatever\r\n"]) {
    const room = makeRoom();
    const peer = server(
      room,
      polite((line, connection) => {
        if (connection > 0) return "";
        return line.startsWith("RCPT") ? "550 5.1.1 nobody\r\n" : line === "DATA" ? answer : "";
      }),
    );
    assert.match((await room.lines())[0]!, /failed 5\.1\.1/);
    assert.deepEqual(await room.lines(), ["a@example.com delivered", "b@example.com delivered"]);
    assert.equal(peer.connections, 2);
    await room.close();
    peer.stop();
  }
});

test("a peer that will not reset gets the next mail over a new connection, and no mail pays for it", async () => {
  for (
    const [pipelining, answer] of [[true, "500 what"], [false, "500 what"], [true, "421 bye"], [
      false,
      "421 bye",
    ]] as const
  ) {
    const room = makeRoom();
    const peer = server(
      room,
      polite((line, connection) => {
        if (connection > 0) return "";
        if (line === "RSET") return `${answer}\r\n`;
        return line.startsWith("RCPT") ? "550 5.1.1 nobody\r\n" : line === "DATA" ? "554 no\r\n" : "";
      }, pipelining),
    );
    assert.match((await room.lines())[0]!, /failed 5\.1\.1/);
    assert.deepEqual(await room.lines(), ["a@example.com delivered", "b@example.com delivered"]);
    assert.equal(peer.connections, 2);
    await room.close();
    peer.stop();
  }
});

test("two answers to one dot: the second is not the answer to the next mail, come at once or while idle", async () => {
  for (const late of [false, true]) {
    const room = makeRoom();
    const peer = server(
      room,
      polite((line, connection) => connection === 0 && line === "." && !late ? "250 taken\r\n250 taken\r\n" : ""),
    );
    assert.equal((await room.lines())[0], "a@example.com delivered");
    if (late) await peer.blurt("250 taken\r\n");
    await settled();
    await timed(room.machine, settled());
    assert.equal(room.courier.stats().idle, 0, late ? "late" : "at once");
    assert.deepEqual(await room.lines(), ["a@example.com delivered", "b@example.com delivered"]);
    assert.equal(peer.connections, 2);
    await room.close();
    peer.stop();
  }
});

test("an idle connection that its peer closes leaves the pool at once", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST);
  assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.equal(room.courier.stats().idle, 1);
  peer.hangUp();
  await settled();
  assert.deepEqual([room.courier.stats().idle, room.courier.stats().connections], [0, 0]);
  await room.close();
  peer.stop();
});

test("a 250 that comes with the 354, before a word of the mail was said, delivers nothing", async () => {
  for (const message of [text("A: b\r\n\r\nshort\r\n"), streamed(["A: b\r\n\r\n", LONG])]) {
    const room = makeRoom({ zone: TWO_HOSTS });
    const hasty = server(room, polite((line) => line === "DATA" ? "354 go\r\n250 taken\r\n" : ""));
    const second = scriptedPeer(room.machine, SECOND);
    assert.equal((await room.lines({ message }))[0], "a@example.com delivered");
    assert.equal(second.messages.length, 1);
    assert.equal(hasty.said.includes("."), false);
    await room.close();
    hasty.stop();
    second.stop();
  }
});

test("MAIL refused, yet a recipient and DATA welcome: nobody gets an empty message", async () => {
  const room = makeRoom();
  const peer = server(room, polite((line) => line.startsWith("MAIL") ? "550 5.7.1 no\r\n" : ""));
  assert.match((await room.lines())[0]!, /failed 5\.7\.1/);
  assert.equal(peer.said.includes("."), false);
  assert.equal(room.courier.stats().connections, 0);
  await room.close();
  peer.stop();
});

test("each recipient of a pipelined group has the whole of its time", async () => {
  const room = makeRoom();
  const listener = room.machine.net.listen(FIRST);
  const { clock } = room.machine;
  (async () => {
    for await (const conn of listener) {
      const writer = conn.writable.getWriter();
      const say = (line: string) => writer.write(new TextEncoder().encode(`${line}\r\n`));
      await say("220 x");
      for await (const chunk of conn.readable) {
        const lines = new TextDecoder().decode(chunk).split("\r\n").slice(0, -1);
        for (const line of lines) {
          if (line.startsWith("RCPT")) await new Promise<void>((done) => void clock.after(QUICK.rcpt * 0.8, done));
          if (line.startsWith("EHLO")) await say("250-x\r\n250 PIPELINING");
          else if (line === "DATA") await say("354 go");
          else if (/^(MAIL|RCPT|\.$|QUIT)/.test(line)) await say("250 ok");
        }
      }
    }
  })().catch(() => {});
  const to = Array.from({ length: 10 }, (_, i) => `r${i}@example.com`);
  assert.deepEqual(await room.lines({ to }), to.map((address) => `${address} delivered`));
  await room.close();
  listener.close();
});

test("an answer to the dot that is read before our own write is known to have ended is that answer", async () => {
  const clock = new FakeClock();
  let say!: (text: string) => void;
  let leave!: () => void;
  let seen = "";
  const conn = {
    readable: new ReadableStream({
      start(controller) {
        say = (line) => controller.enqueue(new TextEncoder().encode(`${line}\r\n`));
        leave = () => controller.close();
      },
    }),
    writable: new WritableStream<Uint8Array>({
      async write(chunk) {
        const part = new TextDecoder().decode(chunk);
        seen += part;
        if (part.startsWith("MAIL")) { for (const line of ["250 ok", "250 ok", "354 go"]) say(line); }
        if (seen.endsWith("\r\n.\r\n")) say("250 2.0.0 taken");
        // The peer is quicker than the system in telling us that the octets have gone.
        for (let i = 0; i < 50; i++) await undefined;
      },
    }),
    close: () => leave(),
  } as unknown as Conn;
  const peer = new Peer(conn, clock, new Watch(clock), memoryLog().log);
  const offered = { ...NO_CAPABILITIES, keywords: new Map([["PIPELINING", ""]]) } as unknown as typeof NO_CAPABILITIES;
  const via = { host: "x", ip: "x", port: 25, mode: "SMTP", tls: false, authenticated: false } as const;
  const conversation = new Conversation(peer, offered, via);
  const { whole } = await conversation.transact(
    { mail: "MAIL FROM:<>\r\n", rcpt: ["RCPT TO:<a@b>\r\n"] },
    streamed(["A: b\r\n\r\n", LONG]).render(),
  );
  assert.equal(whole?.stage, "dot");
  assert.equal(whole?.finding.kind === "reply" && whole.finding.reply.code, 250);
  assert.equal(conversation.usable, true);
  peer.close();
});

test("what a peer says unasked on a new connection is not the answer to MAIL", async () => {
  const room = makeRoom({ zone: TWO_HOSTS });
  const hasty = server(room, polite((line) => line.startsWith("EHLO") ? "250 x\r\n550 5.7.1 nobody asked\r\n" : ""));
  const second = scriptedPeer(room.machine, SECOND);
  assert.deepEqual(await room.lines(), ["a@example.com delivered", "b@example.com delivered"]);
  assert.equal(hasty.said.some((line) => line.startsWith("MAIL")), false);
  assert.equal(second.messages.length, 1);
  await room.close();
  hasty.stop();
  second.stop();
});
