import assert from "node:assert/strict";
import { HOOK_RULES, PLUGIN_RULE, refusalReply, type RefusingRule, ruleOf } from "../../src/hooks/rules.ts";
import { defer, deny, hangUp } from "../../src/hooks/verdict.ts";
import { test } from "../kit/test.ts";

/** Spec 01 §7.4: deny, defer, deny and close, defer and close. A `+` closes. */
const CODES: { readonly [hook: string]: string } = {
  lookup_rdns: "554 421 554+ 421+",
  connect: "554 421 554+ 421+",
  helo: "550 450 550+ 450+",
  ehlo: "550 450 550+ 450+",
  unrecognized_command: "500 500 521+ 421+",
  mail: "550 450 550+ 450+",
  rcpt: "550 450 550+ 450+",
  rcpt_ok: "550 450 550+ 450+",
  data: "554 451 554+ 451+",
  data_post: "550 450 550+ 450+",
  queue: "550 450 550+ 450+",
  queue_outbound: "550 450 550+ 450+",
  vrfy: "550 450 550+ 450+",
  noop: "500 250 500+ 250",
};

test("each hook's codes are those of the table, and close when asked to", () => {
  for (const [name, codes] of Object.entries(CODES)) {
    const rule = HOOK_RULES[name as keyof typeof HOOK_RULES] as RefusingRule;
    const said = [deny(), defer(), deny("", { hangUp: true }), defer("", { hangUp: true })];
    const got = said.map((refusal) => refusalReply(rule, refusal)).map(({ code, close }) =>
      `${code}${close ? "+" : ""}`
    );
    assert.equal(got.join(" "), codes, name);
    assert.equal(refusalReply(rule, hangUp()), rule.replies.denyAndClose);
  }
});

test("what all of them say is fit to be sent, and a fault is never for good", () => {
  for (const [name, rule] of Object.entries(HOOK_RULES)) {
    for (const [kind, { code, enhanced, text }] of Object.entries(rule.replies ?? {})) {
      assert.ok(enhanced === undefined || enhanced[0] === String(code)[0], `${name} ${kind}: ${code} ${enhanced}`);
      assert.ok(text !== "" && !/[\r\n]/.test(text));
      if (kind === "fault") assert.ok(code < 500, name);
    }
    if (rule.runs === "all") assert.equal(rule.replies, undefined, `${name} runs all, so nothing can be refused`);
    if (rule.replies === undefined) assert.equal(rule.onFault, "carry-on", name);
  }
});

test("hooks that plugins add have the rule of plugins, also when they are called as a thing of Object's", () => {
  assert.equal(ruleOf("rcpt"), HOOK_RULES.rcpt);
  assert.equal(ruleOf("greylist:seen" as never), PLUGIN_RULE);
  assert.equal(ruleOf("toString" as never), PLUGIN_RULE);
});
