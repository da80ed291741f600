import assert from "node:assert/strict";
import { mailParameters, rcptParameters, takesBinary, unmet } from "../../src/delivery/extensions.ts";
import { latin1Encode } from "../../src/base/bytes.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { parseCapabilities } from "../../src/wire/capabilities.ts";
import { memoryServerTls } from "../kit/memory_tls.ts";
import { scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { BODY, FIRST, makeRoom, type Posting, SECOND, streamed, text, TWO_HOSTS } from "./room.ts";

const keywords = (...lines: string[]) => parseCapabilities({ code: 250, text: ["peer", ...lines] }).keywords;
const NOW = 1_700_000_000_000;

test("MAIL's wishes go to a peer that knows them, and to no other", () => {
  const all = keywords("DSN", "REQUIRETLS", "MT-PRIORITY MIXER", "DELIVERBY 10");
  const wanted = {
    ret: "FULL",
    envid: "q+1 =",
    priority: -3,
    deliverBy: { at: NOW + 61_500, mode: "N", trace: true },
  } as const;
  assert.equal(mailParameters(wanted, all, NOW), " RET=FULL ENVID=q+2B1+20+3D MT-PRIORITY=-3 BY=61;NT");
  assert.equal(mailParameters(wanted, keywords("DSN"), NOW), " RET=FULL ENVID=q+2B1+20+3D");
  assert.equal(mailParameters(wanted, keywords("MT-PRIORITY"), NOW), " MT-PRIORITY=-3");
  assert.equal(mailParameters(wanted, keywords("SIZE", "PIPELINING"), NOW), "");
  assert.equal(mailParameters({ ...wanted, requireTls: true }, all, NOW).startsWith(" RET=HDRS"), true, "RFC 8689 §5");
  assert.match(mailParameters({ requireTls: true }, all, NOW), / REQUIRETLS$/);
  // RFC 2852 §4.1.4: the time that is over counts backwards.
  assert.equal(mailParameters({ deliverBy: { at: NOW - 5000, mode: "N", trace: false } }, all, NOW), " BY=-5;N");
  assert.equal(mailParameters({}, all, NOW), "");
});

test("RCPT's wishes go unchanged, but that a peer without deadlines is asked to tell of delays", () => {
  const dsn = keywords("DSN");
  const address = parseAddress("<b@x.example>")!;
  const recipient = (extra: object) => ({ address, parameters: new Map(), ...extra });
  assert.equal(rcptParameters(recipient({}), undefined, dsn), "");
  assert.equal(
    rcptParameters(
      recipient({ notify: ["SUCCESS", "DELAY"], originalRecipient: { type: "rfc822", address: "Bob+tag@X.example" } }),
      undefined,
      dsn,
    ),
    " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Btag@X.example",
  );
  assert.equal(
    rcptParameters(recipient({ originalRecipient: { type: "utf-8", address: "ü@x.example" } }), undefined, dsn),
    " ORCPT=utf-8;\\x{FC}@x.example",
  );
  assert.equal(rcptParameters(recipient({ notify: ["NEVER"] }), undefined, keywords("SIZE")), "");
  const lax = { deliverBy: { at: NOW, mode: "N", trace: false } } as const;
  assert.equal(rcptParameters(recipient({}), lax, dsn), " NOTIFY=FAILURE,DELAY");
  assert.equal(rcptParameters(recipient({ notify: ["SUCCESS"] }), lax, dsn), " NOTIFY=SUCCESS,DELAY");
  assert.equal(rcptParameters(recipient({ notify: ["NEVER"] }), lax, dsn), " NOTIFY=NEVER");
  assert.equal(rcptParameters(recipient({}), lax, keywords("DSN", "DELIVERBY")), "");
});

test("a wish that must be kept keeps the message from peers that do not promise it", () => {
  const by = (seconds: number, mode: "R" | "N") => ({ deliverBy: { at: NOW + seconds * 1000, mode, trace: false } });
  assert.equal(unmet({ requireTls: true }, keywords("SIZE"), NOW), "requiretls");
  assert.equal(unmet({ requireTls: true }, keywords("REQUIRETLS"), NOW), undefined);
  assert.equal(unmet(by(60, "R"), keywords("SIZE"), NOW), "deliverby");
  assert.equal(unmet(by(60, "R"), keywords("DELIVERBY"), NOW), undefined);
  assert.equal(unmet(by(60, "R"), keywords("DELIVERBY 60"), NOW), undefined);
  assert.equal(unmet(by(60, "R"), keywords("DELIVERBY 61"), NOW), "deliverby");
  assert.equal(unmet(by(0, "R"), keywords("DELIVERBY"), NOW), "overdue");
  assert.equal(unmet(by(-60, "N"), keywords("SIZE"), NOW), undefined);
  assert.equal(unmet({ priority: 9, ret: "HDRS" }, keywords(), NOW), undefined);
  assert.equal(takesBinary(keywords("BINARYMIME")), false);
  assert.equal(takesBinary(keywords("BINARYMIME", "CHUNKING")), true);
});

test("who reports is known of each delivery: a peer with DSN, we for one without, and an LMTP server's is the mailbox itself", async () => {
  for (
    const [offers, lmtp, onward] of [
      [["DSN"], false, "dsn-passed"],
      [["SIZE"], false, "no-dsn"],
      [["DSN"], true, "dsn-passed"],
      [["SIZE"], true, undefined],
    ] as const
  ) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, { offers, lmtp });
    const via = [{ host: "192.0.2.1", port: 25, priority: 0, protocol: lmtp ? "lmtp" : "smtp" }] as const;
    const { outcomes } = await room.post({ via, wanted: { ret: "HDRS", envid: "x" }, asked: { notify: ["SUCCESS"] } });
    for (const outcome of outcomes) {
      assert.equal(outcome.kind, "delivered");
      assert.equal(outcome.kind === "delivered" && outcome.onward, onward);
    }
    const said = offers[0] === "DSN";
    assert.equal(peer.commands.some((line) => / RET=HDRS ENVID=x$/.test(line)), said);
    assert.equal(peer.commands.filter((line) => / NOTIFY=SUCCESS$/.test(line)).length, said ? 2 : 0);
    await room.close();
    peer.stop();
  }
});

test("that a deadline goes no further is known of each delivery", async () => {
  const wanted = { deliverBy: { at: 1e15, mode: "N", trace: false } } as const;
  for (const [offers, deadline] of [[["DSN", "DELIVERBY"], undefined], [["DSN"], "dropped"]] as const) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, { offers });
    for (const outcome of (await room.post({ wanted })).outcomes) {
      assert.equal(outcome.kind, "delivered");
      assert.equal(outcome.kind === "delivered" && outcome.deadline, deadline);
    }
    await room.close();
    peer.stop();
  }
});

test("a small message goes along with its envelope in one BDAT where the peer takes chunks", async () => {
  for (const offers of [["PIPELINING", "CHUNKING"], ["CHUNKING"]]) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, { offers });
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await room.lines(), ["a@example.com delivered", "b@example.com delivered"]);
    }
    assert.equal(peer.connections, 1);
    assert.deepEqual(peer.messages, [BODY, BODY]);
    const verbs = peer.commands.map((line) => line.split(" ")[0]);
    assert.deepEqual(verbs, ["EHLO", "MAIL", "RCPT", "RCPT", "BDAT", "MAIL", "RCPT", "RCPT", "BDAT"]);
    await room.close();
    peer.stop();
  }
});

test("what the dot code has to mend does not go as it is: a bare LF or CR, an end without CRLF; nor what is large, or LMTP's", async () => {
  const long = "x".repeat(70_000);
  for (
    const [body, by] of [
      ["Subject: x\r\n\r\na\nb\r\n", "DATA"],
      ["Subject: x\r\n\r\na\rb\r\n", "DATA"],
      ["Subject: x\r\n\r\n.\n.\r\n", "DATA"],
      ["Subject: x\r\n\r\nno end", "DATA"],
      ["Subject: x\r\n\r\nends in CR\r", "DATA"],
      [`Subject: x\r\n\r\n${long}\r\n`, "DATA"],
      ["Subject: x\r\n\r\n.\r\n..\r\n", "BDAT"],
    ]
  ) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, { offers: ["PIPELINING", "CHUNKING"] });
    await room.lines({ message: text(body!) });
    assert.equal(
      peer.commands.some((line) => line.startsWith("BDAT")),
      by === "BDAT",
      JSON.stringify(body!.slice(0, 40)),
    );
    if (by === "BDAT") assert.equal(peer.messages[0], body);
    await room.close();
    peer.stop();
  }
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["PIPELINING", "CHUNKING"], lmtp: true });
  const via = [{ host: "192.0.2.1", port: 25, priority: 0, protocol: "lmtp" }] as const;
  assert.equal((await room.lines({ via })).length, 2);
  assert.equal(peer.commands.some((line) => line.startsWith("BDAT")), false);
  await room.close();
  peer.stop();
});

test("with the content sent along, refusals are those of whoever spoke them, and the connection serves on", async () => {
  const offers = ["PIPELINING", "CHUNKING"];
  for (
    const [script, lines, taken] of [
      [
        { rcpt: ["550 5.1.1 who", "250 ok"] },
        ["a@example.com failed 5.1.1 550 5.1.1 who", "b@example.com delivered"],
        1,
      ],
      [{ rcpt: "450 4.2.0 later" }, [
        "a@example.com deferred 4.2.0 450 4.2.0 later",
        "b@example.com deferred 4.2.0 450 4.2.0 later",
      ], 0],
      [{ dot: ["554 5.6.0 spam", "250 ok"] }, [
        "a@example.com failed 5.6.0 554 5.6.0 spam",
        "b@example.com failed 5.6.0 554 5.6.0 spam",
      ], 1],
      [{ mail: ["550 5.7.1 not you", "250 ok"], rcpt: ["503 5.5.1 MAIL first", "503 5.5.1 MAIL first", "250 ok"] }, [
        "a@example.com failed 5.7.1 550 5.7.1 not you",
        "b@example.com failed 5.7.1 550 5.7.1 not you",
      ], 0],
    ] as const
  ) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, { offers, ...script });
    assert.deepEqual(await room.lines(), lines);
    assert.equal(peer.messages.length, taken);
    await room.lines();
    assert.equal(peer.connections, 1);
    await room.close();
    peer.stop();
  }
});

test("a connection that breaks with the content on its way may have carried it: no second host makes two of it", async () => {
  for (const answer of [{ then: "reset" }, { then: "close" }, { then: "silence" }] as const) {
    const room = makeRoom({ zone: TWO_HOSTS });
    const first = scriptedPeer(room.machine, FIRST, { offers: ["PIPELINING", "CHUNKING"], dot: answer });
    const second = scriptedPeer(room.machine, SECOND);
    assert.match((await room.lines())[0]!, /^a@example\.com deferred 4\.4\.2 /);
    assert.equal(second.connections, 0);
    await room.close();
    first.stop();
    second.stop();
  }
});

test("binary content goes octet by octet to a peer that takes it, and nowhere else", async () => {
  const binary = "Content-Transfer-Encoding: binary\r\n\r\na\nb\r.\r\n.\r\n\0\xff no end";
  const wanted = { body: "BINARYMIME" } as const;
  const large = ["Subject: x\r\n\r\n", "y\n".repeat(50_000), ".\r\n.\r\n"];
  for (const lmtp of [false, true]) {
    const room = makeRoom({ zone: TWO_HOSTS });
    const via = lmtp ? { via: [{ host: "192.0.2.2", port: 25, priority: 0, protocol: "lmtp" } as const] } : {};
    const first = scriptedPeer(room.machine, FIRST, { offers: ["PIPELINING", "CHUNKING"] });
    const second = scriptedPeer(room.machine, SECOND, { offers: ["PIPELINING", "CHUNKING", "BINARYMIME"], lmtp });
    const { outcomes } = await room.post({ ...via, wanted, message: latin1Message(binary) });
    assert.deepEqual(outcomes.map(({ kind }) => kind), ["delivered", "delivered"]);
    await room.post({ ...via, wanted, message: streamed(large) });
    assert.deepEqual(second.messages, [binary, large.join("")]);
    assert.equal(first.messages.length, 0);
    assert.ok(second.commands.some((line) => / BODY=BINARYMIME$/.test(line)));
    await room.close();
    first.stop();
    second.stop();
  }
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["PIPELINING", "CHUNKING", "8BITMIME"] });
  assert.match((await room.lines({ wanted, message: latin1Message(binary) }))[0]!, /^a@example\.com failed 5\.6\.3 /);
  assert.equal(peer.messages.length, 0);
  await room.close();
  peer.stop();
});

test("a message that requires TLS goes nowhere without it, nor where unsigned DNS says; a report goes as it can", async () => {
  const wanted = { requireTls: true } as const;
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST);
  // The zone of this room is not signed.
  assert.match((await room.lines({ wanted }))[0]!, /^a@example\.com failed 5\.7\.10 Encryption needed: the DNS/);
  assert.equal(peer.connections, 0);
  const via = [{ host: "192.0.2.1", port: 25, priority: 0, protocol: "smtp" }] as const;
  assert.match(
    (await room.lines({ wanted, via }))[0]!,
    /^a@example\.com failed 5\.7\.10 Encryption needed: .* offers no TLS/,
  );
  assert.equal(peer.messages.length, 0);
  assert.equal((await room.lines({ wanted, from: "<>" }))[0], "a@example.com delivered");
  await room.close();
  peer.stop();
});

test("a message that requires TLS goes to a host that verifies and promises the same", async () => {
  const wanted = { requireTls: true } as const;
  const via = [{ host: "192.0.2.1", port: 25, priority: 0, protocol: "smtp" }] as const;
  for (
    const [offersSecure, trusted, line] of [
      [["REQUIRETLS"], true, /^a@example\.com delivered$/],
      [["SIZE"], true, /^a@example\.com failed 5\.7\.30 REQUIRETLS support required/],
      [["REQUIRETLS"], false, /^a@example\.com deferred 4\.7\.5 /],
    ] as const
  ) {
    const room = makeRoom();
    const tls = memoryServerTls(room.machine.clock, { trusted });
    const peer = scriptedPeer(room.machine, FIRST, { offers: ["STARTTLS"], offersSecure, tls });
    assert.match((await room.lines({ wanted, via }))[0]!, line);
    assert.equal(peer.commands.some((said) => / REQUIRETLS$/.test(said)), trusted && offersSecure[0] === "REQUIRETLS");
    await room.close();
    peer.stop();
  }
});

test("signed DNS is a sure road: with it a message that requires TLS finds its MX", async () => {
  for (const authentic of [true, false]) {
    const room = makeRoom({
      zone: {
        "example.com": { MX: ["10 mx1.example.com"], authentic },
        "mx1.example.com": { A: ["192.0.2.1"] },
      },
    });
    const tls = memoryServerTls(room.machine.clock, { names: ["mx1.example.com"] });
    const peer = scriptedPeer(room.machine, FIRST, { offers: ["STARTTLS"], offersSecure: ["REQUIRETLS"], tls });
    const lines = await room.lines({ wanted: { requireTls: true } });
    assert.match(lines[0]!, authentic ? /delivered$/ : /failed 5\.7\.10 /);
    await room.close();
    peer.stop();
  }
});

function latin1Message(content: string) {
  return createMessage(memorySource(latin1Encode(content)));
}

test("each wish is passed on to a peer that offers its extension, and left out or refused with one that does not", async () => {
  const asked = { notify: ["FAILURE"], originalRecipient: { type: "rfc822", address: "o@example.com" } } as const;
  const eight = "Subject: x\r\n\r\n\u00fc\r\n";
  const utf8 = "Subject: \u00fc\r\n\r\nx\r\n";
  const mail = "MAIL FROM:<me@us.example>";
  // Of a peer that offers it and of one that does not: MAIL, and RCPT where it matters; or the refusal.
  const cases: readonly [string, Posting, readonly string[], readonly string[]][] = [
    ["SIZE 1000", {}, [`${mail} SIZE=27`], [mail]], // RFC 1870 §4
    ["SIZE", {}, [`${mail} SIZE=27`], [mail]],
    ["SIZE 0", {}, [`${mail} SIZE=27`], [mail]], // RFC 1870 §4: no limit
    ["SIZE 26", {}, ["failed 5.3.4"], [mail]],
    ["8BITMIME", { message: text(eight) }, [`${mail} BODY=8BITMIME`], [mail]],
    ["8BITMIME", {}, [mail], [mail]],
    ["SMTPUTF8", { smtpUtf8: true, message: text(utf8) }, [`${mail} SMTPUTF8`], ["failed 5.6.9"]], // RFC 6531 §3.2
    ["SMTPUTF8", { smtpUtf8: true }, [`${mail} SMTPUTF8`], [mail]],
    ["SMTPUTF8", { message: text(utf8) }, [mail], [mail]],
    ["DSN", { wanted: { ret: "FULL", envid: "e" }, asked }, [
      `${mail} RET=FULL ENVID=e`,
      "RCPT TO:<a@example.com> NOTIFY=FAILURE ORCPT=rfc822;o@example.com",
    ], [mail, "RCPT TO:<a@example.com>"]],
    ["MT-PRIORITY", { wanted: { priority: 3 } }, [`${mail} MT-PRIORITY=3`], [mail]],
  ];
  for (const [keyword, posting, withIt, without] of cases) {
    for (const [offers, expected] of [[["PIPELINING", keyword], withIt], [["PIPELINING"], without]] as const) {
      const room = makeRoom();
      const peer = scriptedPeer(room.machine, FIRST, { offers });
      const [line] = await room.lines({ to: ["a@example.com"], ...posting });
      const said = peer.commands.filter((command) => /^(MAIL|RCPT)/.test(command));
      const seen = line!.endsWith("delivered")
        ? expected.map((_, i) => said[i])
        : [line!.split(" ").slice(1, 3).join(" ")];
      assert.deepEqual(seen, expected, `${keyword} ${offers.join()}`);
      await room.close();
      peer.stop();
    }
  }
});

test("a host without SMTPUTF8 is passed over for one with it", async () => {
  const room = makeRoom({ zone: TWO_HOSTS });
  const first = scriptedPeer(room.machine, FIRST);
  const second = scriptedPeer(room.machine, SECOND, { offers: ["SMTPUTF8"] });
  const message = text("Subject: \u00fc\r\n\r\nx\r\n");
  assert.equal((await room.lines({ smtpUtf8: true, message }))[0], "a@example.com delivered");
  assert.deepEqual([first.messages.length, second.messages.length], [0, 1]);
  await room.close();
  first.stop();
  second.stop();
});
