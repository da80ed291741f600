import assert from "node:assert/strict";
import { HOOK_PROSE, renderHook } from "../../src/hooks/manual.ts";
import { HOOK_RULES } from "../../src/hooks/rules.ts";
import type { EngineHooks } from "../../src/hooks/points.ts";
import { test } from "../kit/test.ts";

test("prose and rules agree on what a hook may say", () => {
  for (const name of Object.keys(HOOK_RULES) as (keyof EngineHooks)[]) {
    assert.equal(HOOK_PROSE[name].ok !== undefined, HOOK_RULES[name].ok, `${name} ok`);
    assert.equal(HOOK_PROSE[name].answer !== undefined, HOOK_RULES[name].answer, `${name} answer`);
  }
});

test("a page says when, what is told, what may be said and what follows", () => {
  const page = renderHook("rcpt");
  assert.match(page, /^# rcpt\n\nRuns at each RCPT TO\./);
  assert.match(page, /\| `deny\(\)` \| 550 5\.7\.1 `recipient %s denied`\. \|/);
  assert.match(page, /hangUp\(\)` \| 550 .*, and the connection is closed\./);
  assert.match(page, /throws or is late counts as a refusal for now: 451/);
  assert.match(renderHook("disconnect"), /Every plugin is asked/);
  assert.doesNotMatch(renderHook("disconnect"), /deny\(\)/);
});
