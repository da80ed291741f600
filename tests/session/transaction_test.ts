import assert from "node:assert/strict";
import type { Transaction } from "../../src/hooks/session.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

test("a transaction knows its sender, its parameters, and whether it needs SMTPUTF8", async () => {
  const seen: Transaction[] = [];
  const kit = sessionKit({
    hooks: {
      capabilities: ({ capabilities }) => void capabilities.lines.push("X"),
      mail: ({ transaction }) => void seen.push(transaction),
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  for (const path of ["<a@b.test> SIZE=5 X=y", "<a@b.test> SMTPUTF8", "<ü@b.test> SMTPUTF8"]) {
    await kit.client.say(`MAIL FROM:${path}`);
  }
  await kit.client.say("QUIT");
  await kit.over;
  assert.deepEqual([...seen[0]!.parameters], [["SIZE", "5"], ["X", "y"]]);
  assert.deepEqual(seen.map((each) => each.smtpUtf8), [false, true, true]);
  assert.deepEqual(seen.map((each) => each.id.split(".")[1]), ["1", "2", "3"]);
});

test("notes and results are each transaction's own", async () => {
  const seen: unknown[] = [];
  const kit = sessionKit({
    hooks: {
      mail: ({ transaction }) => {
        seen.push(transaction.notes.get("a.b"));
        transaction.notes.set("a.b", 1);
        transaction.results.add("me", { pass: "x" });
        seen.push(transaction.results.get("me")?.pass.length);
      },
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("QUIT");
  await kit.over;
  assert.deepEqual(seen, [undefined, 1, undefined, 1]);
});
