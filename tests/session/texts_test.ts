import assert from "node:assert/strict";
import { about, textOf, TEXTS, troubleOf } from "../../src/session/texts.ts";
import { isStatus, type Reply } from "../../src/wire/reply.ts";
import { test } from "../kit/test.ts";

test("every text has a code, and a status of its class where it has one", () => {
  for (const [name, reply] of Object.entries<Reply>(TEXTS)) {
    assert.ok(reply.code >= 200 && reply.code < 600, name);
    if (reply.enhanced !== undefined) assert.ok(isStatus(reply.enhanced, reply.code), name);
    assert.doesNotMatch(textOf(reply), /haraka/i, name);
  }
});

test("about() puts the subject in as it is", () => {
  assert.equal(about({ code: 250, text: "a %s b" }, "$1 $&").text, "a $1 $& b");
  assert.deepEqual(about({ code: 250, text: ["%s", "x"] }, "y").text, ["y", "x"]);
  assert.equal(textOf({ code: 250, text: ["a", "b"] }), "a b");
});

test("troubleOf() tells a full disk from other trouble", () => {
  assert.equal(troubleOf({ fault: "disk-full" }).code, 452);
  for (const other of [{ fault: "disk-fault" }, new Error("x"), undefined, null, "x"]) {
    assert.equal(troubleOf(other).code, 451);
  }
});
