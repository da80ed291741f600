import assert from "node:assert/strict";
import { grep, mentionOf, MOST_HELD } from "../../src/cli/grep.ts";
import type { Machine } from "../../src/host/types.ts";
import { formatItem, type LogFormat } from "../../src/log/format.ts";
import { captured } from "../kit/captured.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

const SAID: readonly (readonly [uuid: string, message: string])[] = [
  ["", "Starting up"],
  ["AAAA", "connect"],
  ["BBBB", "connect"],
  ["AAAA.1", "sender <x@one.test>"],
  ["BBBB.1", "sender <y@two.test>"],
  ["AAAA.1", "recipient <Bob@Here.test>"],
  ["BBBB.1", "recipient <jimbob@here.test>"],
  ["AAAA", "disconnect"],
  ["BBBB", "disconnect"],
  ["AAAA.1.1", "delivered"],
];

function logOf(format: LogFormat): string {
  const lines = SAID.map(([uuid, message]) =>
    formatItem({ time: 0, level: "NOTICE", uuid, origin: "core", message, fields: {} }, format, true)
  );
  return `${lines.join("\n")}\nnot a line of ours\n`;
}

function withInput(machine: Machine, text: string): Machine {
  let left = new TextEncoder().encode(text);
  const stdin = {
    isTerminal: () => false,
    setRaw() {},
    readSync(into: Uint8Array) {
      if (left.length === 0) return null;
      const count = Math.min(into.length, left.length);
      into.set(left.subarray(0, count));
      left = left.subarray(count);
      return count;
    },
  };
  return { ...machine, host: { ...machine.host, stdin } };
}

for (const format of ["default", "logfmt", "json"] as const) {
  test(`[row 16] grep prints all lines of each session that mentions the address, from a ${format} log, file or stream`, async () => {
    const text = logOf(format);
    const wanted = text.split("\n").filter((line) => line.includes("AAAA")).join("\n");
    const machine = memoryMachine();
    machine.host.writeTextFileSync("/log", text);
    for (const [from, file] of [[machine, { file: "/log" }], [withInput(machine, text), {}]] as const) {
      const at = { ...await captured(), machine: from };
      assert.equal(await grep({ address: "<bob@here.test>", ...file }, at), 0);
      assert.deepEqual([at.said, at.complaints], [[wanted], []]);
      assert.equal(wanted.split("\n").length, 5);
      const nobody = { ...await captured(), machine: file.file === undefined ? withInput(machine, text) : from };
      assert.equal(await grep({ address: "nobody@here.test", ...file }, nobody), 1);
      assert.deepEqual([nobody.said, nobody.complaints], [[], ["No session mentions nobody@here.test"]]);
    }
  });
}

test("of a stream only so much is held of sessions that nobody has asked for", async () => {
  const long = "x".repeat(1024 * 1024 - 100);
  const lines = Array.from({ length: MOST_HELD / long.length + 2 }, (_, i) => `[INFO] [S${i}] [core] ${long}`);
  const at = {
    ...await captured(),
    machine: withInput(memoryMachine(), [...lines, "[INFO] [S1] [core] a@b"].join("\n")),
  };
  assert.equal(await grep({ address: "a@b" }, at), 0);
  assert.match(at.complaints.join(), /lines of other sessions were let go of/);
  assert.match(at.said[0]!, /a@b$/);
  const over = lines.flatMap((line, i) => [line, `[INFO] [S${i}] [core] disconnect x=1`]);
  const quiet = {
    ...await captured(),
    machine: withInput(memoryMachine(), [...over, "[INFO] [T] [core] a@b"].join("\n")),
  };
  assert.equal(await grep({ address: "a@b" }, quiet), 0);
  assert.deepEqual(quiet.complaints, [], "sessions that have ended are nobody's loss");
});

test("mentionOf() finds whole addresses, domains and IP addresses", () => {
  const found = (address: string, line: string) => mentionOf(address)(line);
  for (
    const [address, line] of [
      ["a@b.test", "rcpts=a@b.test,c@d.test"],
      ["A@b.test", "<a@B.TEST>"],
      ["b.test", "to a@b.test."],
      ["10.0.0.1", "ip=10.0.0.1 port=1"],
    ] as const
  ) assert.ok(found(address, line), line);
  for (
    const [address, line] of [
      ["a@b.test", "x.a@b.test"],
      ["a@b.test", "a@b.test.example"],
      ["10.0.0.1", "10.0.0.12"],
      ["b.test", "a@sub.b.test"],
    ] as const
  ) assert.ok(!found(address, line), line);
});
