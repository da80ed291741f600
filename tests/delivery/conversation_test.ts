import assert from "node:assert/strict";
import { latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { wholeContent } from "../../src/delivery/content.ts";
import { Conversation } from "../../src/delivery/conversation.ts";
import { Peer } from "../../src/delivery/peer.ts";
import { Watch } from "../../src/delivery/watch.ts";
import type { Conn } from "../../src/host/types.ts";
import { memorySource } from "../../src/mail/source.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { BODY, FIRST, makeRoom, SECOND, streamed, TWO_HOSTS } from "./room.ts";

const verbs = (commands: readonly string[]) => commands.map((line) => line.split(/[ :]/)[0]!).join(" ");
const LONG = "A line that is repeated many times over to make a body of some size.\r\n".repeat(8000);

test("a body too large for one write flows in chunks and keeps every octet", async () => {
  for (const chunk of [Infinity, 1000]) {
    const room = makeRoom();
    room.machine.net.chunk = chunk;
    const peer = scriptedPeer(room.machine, FIRST);
    assert.equal(
      (await room.lines({ message: streamed(["A: b\r\n\r", "\n", LONG, ".dot\r\n", "."]) }))[0],
      "a@example.com delivered",
    );
    assert.equal(peer.messages[0], "A: b\r\n\r\n" + LONG + "..dot\r\n..\r\n.\r\n");
    assert.equal((await room.lines({ message: streamed([BODY]) }))[0], "a@example.com delivered");
    assert.equal(peer.connections, 1);
    await room.close();
    peer.stop();
  }
});

test("a refusal in the middle of the body is heard, and the body is not ended", async () => {
  for (
    const [say, expected] of [
      ["421 4.3.2 going down", "a@example.com delivered"],
      ["552 5.3.4 too big", "a@example.com failed 5.3.4 552 5.3.4 too big"],
      ["451 4.7.0 not today", "a@example.com deferred 4.7.0 Upstream error: 451 4.7.0 not today"],
    ] as const
  ) {
    const room = makeRoom({ zone: TWO_HOSTS });
    const peer = scriptedPeer(room.machine, FIRST, { body: { say, then: "silence" } });
    const second = scriptedPeer(room.machine, SECOND);
    assert.equal(
      (await room.lines({ message: streamed(["A: b\r\n\r\n", ...Array(40).fill(LONG.slice(0, 70_000))]) }))[0],
      expected,
    );
    assert.equal(peer.messages.length, 0);
    await room.close();
    peer.stop();
    second.stop();
  }
});

test("a peer that stops reading, resets or leaves in the middle of the body sends us to the next host", async () => {
  for (const then of ["silence", "reset", "close"] as const) {
    const room = makeRoom({ zone: TWO_HOSTS });
    const stuck = room.machine.net.listen(FIRST);
    const serve = (async () => {
      for await (const conn of stuck) {
        const writer = conn.writable.getWriter();
        for (const line of ["220 x", "250 x", "250 ok", "250 ok", "250 ok", "354 go"]) {
          await writer.write(new TextEncoder().encode(line + "\r\n"));
        }
        // Nothing is ever read.
        if (then === "close") conn.close();
        if (then === "reset") (conn as unknown as { reset(): void }).reset();
      }
    })();
    const second = scriptedPeer(room.machine, SECOND);
    const message = streamed(["A: b\r\n\r\n", ...Array(40).fill(LONG.slice(0, 70_000))]);
    assert.equal((await room.lines({ message }))[0], "a@example.com delivered", then);
    await room.close();
    assert.equal(room.courier.stats().connections, 0);
    second.stop();
    stuck.close();
    await serve;
  }
});

test("a body that cannot be read here is never ended for the peer, and waits", async () => {
  const room = makeRoom({ zone: TWO_HOSTS });
  const peer = scriptedPeer(room.machine, FIRST);
  const [line] = await room.lines({ message: streamed(["A: b\r\n\r\n", LONG], new Error("disk gone")) });
  assert.equal(line, "a@example.com deferred 4.3.0 the message could not be read here: disk gone");
  assert.equal(peer.messages.length, 0);
  await room.close();
  assert.equal(room.courier.stats().connections, 0);
  peer.stop();
});

test("MAIL, RCPT and DATA go in one write where PIPELINING is offered, else one after the other", async () => {
  for (const offers of [["PIPELINING"], []]) {
    const room = makeRoom();
    const listener = room.machine.net.listen(FIRST);
    const reads: string[] = [];
    const serve = (async () => {
      for await (const conn of listener) {
        const [reader, writer] = [conn.readable.getReader(), conn.writable.getWriter()];
        const say = (text: string) => writer.write(new TextEncoder().encode(text));
        await say("220 x\r\n");
        for (let data = false;;) {
          const { value, done } = await reader.read();
          if (done) break;
          const text = new TextDecoder().decode(value);
          reads.push(text);
          for (const line of text.split("\r\n").slice(0, -1)) {
            if (data) {
              if (line !== ".") continue;
              data = false;
              await say("250 ok\r\n");
            } else if (line.startsWith("EHLO")) await say(`250${offers.length ? "-x\r\n250 PIPELINING" : " x"}\r\n`);
            else {
              data = line === "DATA";
              await say(data ? "354 go\r\n" : "250 ok\r\n");
            }
          }
        }
      }
    })();
    assert.equal((await room.lines())[0], "a@example.com delivered");
    assert.equal(reads.length, offers.length > 0 ? 3 : 6, JSON.stringify(reads));
    await room.close();
    listener.close();
    await serve;
  }
});

test("after a mail that nobody was to get the transaction is reset before the next one", async () => {
  for (const offers of [["PIPELINING"], []]) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, {
      offers,
      rcpt: ["550 no", "550 no", "250 ok"],
      data: offers.length ? ["503 no recipients", "354 go"] : "354 go",
    });
    assert.match((await room.lines())[0]!, /failed 5\.1\.1/);
    assert.equal((await room.lines())[0], "a@example.com delivered");
    assert.equal(
      verbs(peer.commands),
      offers.length > 0
        ? "EHLO MAIL RCPT RCPT DATA RSET MAIL RCPT RCPT DATA"
        : "EHLO MAIL RCPT RCPT RSET MAIL RCPT RCPT DATA",
    );
    assert.equal(peer.connections, 1);
    await room.close();
    peer.stop();
  }
});

test("a 354 though every recipient was refused is answered with an empty message that counts for nothing", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { rcpt: ["550 no", "550 no", "250 ok"] });
  assert.match((await room.lines())[0]!, /failed 5\.1\.1/);
  assert.deepEqual(peer.messages, [".\r\n"]);
  assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.equal(peer.connections, 1);
  await room.close();
  peer.stop();
});

test("more than a hundred recipients go in further transactions", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST);
  const to = Array.from({ length: 250 }, (_, i) => `r${i}@example.com`);
  const lines = await room.lines({ to });
  assert.deepEqual(lines, to.map((address) => `${address} delivered`));
  assert.equal(peer.messages.length, 3);
  await room.close();
  peer.stop();
});

test("a message larger than the host takes is refused without being sent", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["SIZE 10"] });
  assert.match((await room.lines())[0]!, /^a@example.com failed 5\.3\.4 /);
  assert.equal(verbs(peer.commands), "EHLO");
  await room.close();
  peer.stop();
});

test("a peer that answers before it has read all of a message gets no octet of another one", async () => {
  const replies = ["250 ok\r\n250 ok\r\n354 go\r\n", "250 taken\r\n"];
  let sent = "";
  let stuck: { readonly from: Uint8Array; readonly go: (octets: number) => void } | undefined;
  const address = { transport: "tcp", hostname: "192.0.2.1", port: 25 } as const;
  const conn = {
    localAddr: address,
    remoteAddr: address,
    close() {},
    closeWrite: () => Promise.resolve(),
    async read(into: Uint8Array) {
      const reply = latin1Encode(replies.shift() ?? "");
      into.set(reply);
      return reply.length || null;
    },
    // Commands go through; of the body a few octets at first.
    async write(from: Uint8Array) {
      if (sent.endsWith("DATA\r\n")) {
        sent += latin1Decode(from.subarray(0, 5));
        return 5;
      }
      if (sent.includes("DATA")) return await new Promise<number>((go) => stuck = { from, go });
      sent += latin1Decode(from);
      return from.length;
    },
  } as unknown as Conn;
  const clock = new FakeClock();
  const peer = new Peer(conn, clock, new Watch(clock), memoryLog().log);
  const offered = { domain: "x", keywords: new Map([["PIPELINING", []]]), size: undefined, auth: [] };
  const via = { host: "x", ip: "192.0.2.1", port: 25, mode: "SMTP", tls: false, authenticated: false } as const;
  const message = (text: string) => ({ head: latin1Encode(""), source: memorySource(latin1Encode(text)), offset: 0 });
  const commands = { mail: "MAIL FROM:<>\r\n", rcpt: ["RCPT TO:<a@x>\r\n"] };
  const found = await new Conversation(peer, offered, via).transact(commands, message("A: b\r\n\r\nmine\r\n"));
  assert.equal(found.whole?.finding.kind, "reply");
  for (let i = 0; i < 5; i++) wholeContent(message("X: y\r\n\r\nsomebody else's\r\n"));
  assert.equal(latin1Decode(stuck!.from), "\n\r\nmine\r\n.\r\n");
  peer.close();
});
