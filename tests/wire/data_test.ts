import assert from "node:assert/strict";
import { concat, latin1Decode } from "../../src/base/bytes.ts";
import { DotEncoder } from "../../src/wire/data.ts";
import { test } from "../kit/test.ts";
import { bytes, byteStream, cuts, plainStream, readData, readerOf, readLines } from "./pieces.ts";

/** What a stream of DATA must come to, worked out on strings and by nothing that the decoder uses. */
function oracle(input: string, bareLf: "refuse" | "allow") {
  const end = /(^|\r\n)\.\r\n/.exec(input);
  const body = end === null ? input : input.slice(0, end.index + end[1]!.length);
  const rest = end === null ? "" : input.slice(end.index + end[0].length);
  const bareCr = /\r(?!\n)/.exec(body)?.index ?? Infinity;
  const loneLf = /(?<!\r)\n/.exec(body)?.index ?? Infinity;
  const smuggled = /(?<!\r)\n\.\r?\n|(?:^|\r\n)\.\n/.exec(body)?.index ?? Infinity;
  const spoilt = Math.min(bareCr, bareLf === "allow" ? smuggled : loneLf) < Infinity;
  const text = body.replace(/(^|\r\n)\./g, "$1").replace(/(?<!\r)\n/g, "\r\n");
  const lines = rest.split("\n").slice(0, -1).map((line) =>
    !line.endsWith("\r") ? "<bare-lf>" : line.indexOf("\r") < line.length - 1 ? "<bare-cr>" : line.slice(0, -1)
  );
  return { ended: end !== null, spoilt, text: spoilt ? "" : text, lines };
}

const BREAKS = ["", "\r", "\n", "\r\n", "\r\r", "\n\n", "\n\r", "\r\r\n", "\r\n\r", "\r\n\n"];
const EVIL = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nforged";

function* smugglingCases(): Generator<string> {
  for (const before of BREAKS) {
    for (const after of BREAKS) {
      const dot = `${before}.${after}`;
      yield `${dot}${EVIL}\r\n.\r\nQUIT\r\n`; // at the start
      yield `Subject: x\r\n\r\ntext${dot}${EVIL}\r\n.\r\nQUIT\r\n`; // in the middle
      yield `text${dot}\r\n.\r\nQUIT\r\n`; // at the end
    }
  }
}

for (const bareLf of ["refuse", "allow"] as const) {
  test(`no mix of CR, LF and dots makes two messages of one or a command of a body (bare LF: ${bareLf})`, async () => {
    let cases = 0;
    for (const input of smugglingCases()) {
      cases++;
      const want = oracle(input, bareLf);
      assert.ok(want.ended);
      for (const pieces of cuts(bytes(input))) {
        for (const make of pieces.length === 2 ? [byteStream] : [byteStream, plainStream]) {
          const reader = readerOf(pieces, make);
          const got = await readData(reader, { limit: 10_000, bareLf });
          const at = JSON.stringify(input);
          assert.equal(got.ended, "done", at);
          assert.equal(got.faults.length, want.spoilt ? 1 : 0, at);
          assert.equal(got.text, want.text, at);
          assert.deepEqual(await readLines(reader), [...want.lines, "<end>"], at);
        }
      }
    }
    assert.ok(cases >= 200, `only ${cases} cases`);
  });
}

test("only CRLF . CRLF ends a message: each look-alike is a fault, and what follows it stays in the body", async () => {
  const table: [string, string, string][] = [
    ["\n.\r\n", "bare-lf", "smuggling"],
    ["\r\n.\n", "bare-lf", "smuggling"],
    ["\n.\n", "bare-lf", "smuggling"],
    ["\r.\r", "bare-cr", "bare-cr"],
    ["\r.\r\n", "bare-cr", "bare-cr"],
    ["\r\n.\r", "bare-cr", "bare-cr"],
    ["\r\n.\rx", "bare-cr", "bare-cr"],
    ["\r\n\x00.\r\n", "", ""],
    ["\n..\r\n", "bare-lf", ""],
  ];
  for (const [mix, refused, allowed] of table) {
    for (const pieces of cuts(bytes(`text${mix}QUIT\r\n.\r\nNOOP\r\n`))) {
      for (const [bareLf, fault] of [["refuse", refused], ["allow", allowed]] as const) {
        const reader = readerOf(pieces);
        const got = await readData(reader, { limit: 1000, bareLf });
        assert.deepEqual(got.faults, fault === "" ? [] : [fault], JSON.stringify(mix));
        assert.deepEqual(await readLines(reader), ["NOOP", "<end>"]);
      }
    }
  }
});

test("the limit counts decoded octets, and what lies beyond it is read to the end", async () => {
  for (const pieces of cuts(bytes("..45\r\n7890\r\n.\r\nNOOP\r\n"))) {
    const within = readerOf(pieces);
    assert.deepEqual(await readData(within, { limit: 11, bareLf: "refuse" }), {
      text: ".45\r\n7890\r\n",
      faults: [],
      ended: "done",
    });
    const beyond = readerOf(pieces);
    assert.deepEqual(await readData(beyond, { limit: 10, bareLf: "refuse" }), {
      text: "",
      faults: ["too-big"],
      ended: "done",
    });
    assert.deepEqual(await readLines(beyond), ["NOOP", "<end>"]);
  }
});

test("an allowed bare LF becomes CRLF and counts as two octets", async () => {
  for (const pieces of cuts(bytes("a\nb\n\r\n.\r\n"))) {
    const got = await readData(readerOf(pieces), { limit: 8, bareLf: "allow" });
    assert.deepEqual(got, { text: "a\r\nb\r\n\r\n", faults: [], ended: "done" });
    assert.deepEqual((await readData(readerOf(pieces), { limit: 7, bareLf: "allow" })).faults, ["too-big"]);
  }
});

test("every octet value passes unchanged", async () => {
  let all = "";
  for (let i = 0; i < 256; i++) if (i !== 13 && i !== 10) all += String.fromCharCode(i);
  for (const pieces of cuts(bytes(`${all}\r\n.\r\n`))) {
    assert.equal((await readData(readerOf(pieces), { limit: 1000, bareLf: "refuse" })).text, `${all}\r\n`);
  }
});

function encode(pieces: readonly Uint8Array[]): string {
  const encoder = new DotEncoder();
  // Each piece in the middle of a larger buffer.
  const out = pieces.map((piece) =>
    encoder.encode(concat([bytes(".\r"), piece, bytes(".")]).subarray(2, 2 + piece.length)).slice()
  );
  return latin1Decode(concat([...out, encoder.end()]));
}

test("encoding doubles leading dots and ends the message, however it is cut", () => {
  const table: [string, string][] = [
    ["", ".\r\n"],
    ["a", "a\r\n.\r\n"],
    [".", "..\r\n.\r\n"],
    [".\r\n", "..\r\n.\r\n"],
    ["\r\n", "\r\n.\r\n"],
    [".a\r\n..b\r\nc.\r\n.", "..a\r\n...b\r\nc.\r\n..\r\n.\r\n"],
    ["a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"],
    // Not canonical, and still no way out of the message.
    ["a\n.\nb", "a\n..\nb\r\n.\r\n"],
    ["a\r.\rb\r", "a\r..\rb\r\r\n.\r\n"],
  ];
  for (const [plain, wire] of table) {
    for (const pieces of cuts(bytes(plain))) assert.equal(encode(pieces), wire, JSON.stringify(plain));
  }
});

test("what was encoded decodes to itself, with the final CRLF", async () => {
  const text = "Subject: x\r\n\r\n.one\r\n..two\r\n.\r\nthree\r\n\r\n. four";
  for (const pieces of cuts(bytes(text))) {
    const got = await readData(readerOf([bytes(encode(pieces))]), { limit: 1000, bareLf: "refuse" });
    assert.deepEqual(got, { text: `${text}\r\n`, faults: [], ended: "done" });
  }
});

test("a chunk without a leading dot is given back as it is", () => {
  const chunk = bytes("no dots. at. the beginning.\r\nof a line\r\n");
  assert.equal(new DotEncoder().encode(chunk), chunk);
});
