/**
 * Random walks over a session's commands against a small model of it: every command gets the reply that the model knows, in any order, written in
 * any pieces, and the session always ends.
 *
 * An octet of the input picks a command. The model is the dialogue as RFC 5321 §4.1.4 and RFC 3030 have it, written apart from the session's own
 * table: who has said what so far, and nothing else.
 */
import assert from "node:assert/strict";
import { latin1Decode, latin1Encode } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { HookRunner } from "../../../src/hooks/hook_runner.ts";
import { ok } from "../../../src/hooks/verdict.ts";
import { createLogging } from "../../../src/log/logging.ts";
import type { SessionContext } from "../../../src/session/context.ts";
import { runSession } from "../../../src/session/session.ts";
import { LIMITS, SETTINGS } from "../../kit/session_kit.ts";
import { zone } from "../../kit/zone.ts";
import { byteStream } from "../../wire/pieces.ts";
import { cutUp } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

interface Model {
  hello: "" | "HELO" | "EHLO";
  mail: boolean;
  recipients: number;
  /** Between two chunks. */
  chunks: boolean;
  over: boolean;
  taken: number;
}
/** What is written, and the codes of the replies, as alternatives of a pattern; it moves the model on. */
type Move = (model: Model) => readonly [text: string, ...replies: string[]];

const idle = (model: Model) => Object.assign(model, { mail: false, recipients: 0, chunks: false });

const hello = (verb: "HELO" | "EHLO"): Move => (model) => {
  if (model.chunks) return [`${verb} me\r\n`, "503"];
  idle(model).hello = verb;
  return [`${verb} me\r\n`, "250"];
};
const mail = (text: string, parameters: boolean): Move => (model) => {
  if (model.chunks || model.hello === "") return [text, "503"];
  if (parameters && model.hello === "HELO") return [text, "555"];
  idle(model).mail = true;
  return [text, "250"];
};
const chunk = (text: string, last: boolean): Move => (model) => {
  if (model.recipients === 0) return [text, "503|554"];
  model.chunks = !last;
  if (last) {
    idle(model);
    model.taken++;
  }
  return [text, "250"];
};
/** A command that gets the same reply wherever it comes, or anywhere but within a chunked mail. Whether it is welcome is looked at before its syntax. */
const always = (text: string, code: string): Move => () => [text, code];
const between = (text: string, code: string): Move => ({ chunks }) => [text, chunks ? "503" : code];

const MOVES: readonly Move[] = [
  hello("EHLO"),
  hello("EHLO"),
  hello("HELO"),
  between("EHLO\r\n", "501"),
  mail("MAIL FROM:<a@b.test>\r\n", false),
  mail("mail from:<>\r\n", false),
  mail("MAIL FROM:<a@b.test> SIZE=100\r\n", true),
  ({ chunks, hello }) => ["MAIL FROM:<a@b@c>\r\n", chunks || hello === "" ? "503" : "501"],
  (model) => {
    if (model.chunks || !model.mail) return ["RCPT TO:<c@d.test>\r\n", "503"];
    model.recipients++;
    return ["RCPT TO:<c@d.test>\r\n", "250"];
  },
  (model) => {
    if (model.chunks || !model.mail) return ["RCPT TO:<no@d.test>\r\n", "503"];
    return ["RCPT TO:<no@d.test>\r\n", "550"];
  },
  (model) => {
    if (model.chunks || !model.mail) return ["DATA\r\n", "503"];
    if (model.recipients === 0) return ["DATA\r\n", "503|554"];
    idle(model).taken++;
    return ["DATA\r\nSubject: x\r\n\r\nRSET\r\n..\r\n.\r\n", "354", "250"];
  },
  ({ chunks, recipients }) => ["DATA now\r\n", chunks || recipients === 0 ? "503|554" : "501"],
  chunk("BDAT 6\r\nQUIT\r\n", false),
  chunk("BDAT 0 LAST\r\n", true),
  chunk("BDAT 6 LAST\r\n.\r\n.\r\n", true),
  (model) => {
    idle(model);
    return ["RSET\r\n", "250"];
  },
  always("RSET now\r\n", "501"),
  always("NOOP\r\n", "250"),
  between("VRFY tim\r\n", "252"),
  between("HELP\r\n", "250|214"),
  between("EXPN x\r\n", "500|502"),
  between("FOO\r\n", "500"),
  (model) => {
    model.over = true;
    return ["QUIT\r\n", "221"];
  },
];

const logging = createLogging({ level: "EMERG", sinks: [], clock: systemClock });
const hooks = new HookRunner({ clock: systemClock, log: logging.root });
hooks.add({ name: "take" }, {
  rcpt: ({ recipient }) => recipient.address.user === "no" ? undefined : ok(),
  queue: () => {
    taken++;
    return ok();
  },
});
let taken = 0;

const CONTEXT: SessionContext = {
  local: { transport: "tcp", hostname: "127.0.0.1", port: 25 },
  remote: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
  hooks,
  log: logging.root,
  clock: systemClock,
  resolver: zone(),
  settings: { ...SETTINGS, limits: { ...LIMITS, errors: 0, recipients: 0 } },
  enqueue: () => Promise.reject(new Error("nobody relays here")),
  spool: () => {
    throw new Error("these messages are small");
  },
  signal: new AbortController().signal,
};

export default {
  seeds: [
    "\x00\x04\x08\x0a",
    "\x00\x06\x08\x08\x0c\x0d\x16",
    "\x02\x05\x08\x0a\x04\x09\x0a",
    "\x00\x04\x08\x0c\x04\x08\x0a\x0f\x11",
  ],
  words: ["\x00", "\x04\x08\x0a", "\x04\x08\x0c", "\x0e", "\x0f", "\x08\x08\x09"],
  async check(input, random) {
    const model: Model = { hello: "", mail: false, recipients: 0, chunks: false, over: false, taken: 0 };
    let script = "";
    const wanted: string[] = ["220"];
    for (const octet of input.subarray(0, 40)) {
      const [text, ...replies] = MOVES[octet % MOVES.length]!(model);
      script += text;
      wanted.push(...replies);
      if (model.over) break;
    }
    taken = 0;
    const said: Uint8Array[] = [];
    const writable = new WritableStream<Uint8Array<ArrayBufferLike>>({
      write: (bytes) => void said.push(bytes.slice()),
    });
    await runSession(byteStream(cutUp(latin1Encode(script), random)), writable, CONTEXT);
    const lines = said.map((bytes) => latin1Decode(bytes as Uint8Array<ArrayBuffer>)).join("").split("\r\n");
    const codes = lines.filter((line) => /^\d{3} /.test(line)).map((line) => line.slice(0, 3));
    const agree = codes.length === wanted.length && codes.every((code, i) => wanted[i]!.split("|").includes(code));
    assert.ok(agree, `${JSON.stringify(script)}: wanted ${wanted.join(" ")}, came ${codes.join(" ")}`);
    assert.equal(taken, model.taken);
  },
} satisfies FuzzTarget;
