import assert from "node:assert/strict";
import { HOOK_RULES } from "../../src/hooks/rules.ts";
import { COMMANDS } from "../../src/session/commands.ts";
import { test } from "../kit/test.ts";

test("a row that names a hook names one that can refuse, and its texts have a subject where they ask for one", () => {
  for (const [verb, row] of Object.entries(COMMANDS)) {
    if (!("hook" in row)) continue;
    const { replies } = HOOK_RULES[row.hook];
    const asksForOne = Object.values(replies).some((reply) => reply.text.includes("%s"));
    if (asksForOne) assert.ok("subject" in row, `${verb}: ${row.hook} wants to say who is meant`);
  }
});

test("QUIT and BDAT alone are looked at while a session is refused", () => {
  const welcome = Object.entries(COMMANDS).filter(([, row]) => (row.when as readonly string[]).includes("refused"));
  assert.deepEqual(welcome.map(([verb]) => verb).sort(), ["BDAT", "QUIT"]);
});

test("what begins anew ends an open transaction", () => {
  const fresh = Object.entries(COMMANDS).filter(([, row]) => "fresh" in row).map(([verb]) => verb);
  assert.deepEqual(fresh.sort(), ["EHLO", "HELO", "MAIL", "RSET"]);
});
