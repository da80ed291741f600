import assert from "node:assert/strict";
import { CONSTANTS, GLOBALS } from "../../../src/hooks/haraka/constants.ts";
import { DSN } from "../../../src/hooks/haraka/dsn.ts";
import { codeOf, verdictOf } from "../../../src/hooks/haraka/verdict.ts";
import { answer, defer, deny, hangUp, ok } from "../../../src/hooks/verdict.ts";
import { test } from "../../kit/test.ts";

const { CONT, OK, DENY, DENYSOFT, DENYDISCONNECT, DENYSOFTDISCONNECT, DISCONNECT, DELAY, NEXT_HOOK } = GLOBALS;

/** hook, code, message → verdict. */
const CASES: readonly (readonly [hook: string, code: unknown, message: unknown, wanted: unknown])[] = [
  ["mail", undefined, "no matter", undefined],
  ["mail", CONT, undefined, undefined],
  ["mail", 12345, undefined, undefined],
  ["mail", OK, undefined, ok()],
  ["mail", OK, "fine", ok("fine")],
  ["mail", DENY, "no", deny("no")],
  ["mail", DENY, "", deny()],
  ["mail", DENY, new Error("why"), deny("why")],
  ["mail", DENY, "one\n\ntwo\r\n", deny(["one", "two"])],
  ["mail", DENYSOFT, ["a", "b"], defer(["a", "b"])],
  ["mail", DENYDISCONNECT, "no", deny("no", { hangUp: true })],
  ["mail", DENYSOFTDISCONNECT, "no", defer("no", { hangUp: true })],
  ["mail", DISCONNECT, "no", undefined],
  ["connect", DISCONNECT, "no", hangUp()],
  ["rcpt", DISCONNECT, "no", deny("no")],
  ["data", OK, undefined, undefined],
  ["data", DENY, "no", deny("no")],
  ["connect_init", DENY, "no", undefined],
  ["disconnect", OK, undefined, undefined],
  ["quit", CONT, "bye now", ok("bye now")],
  ["quit", DENY, undefined, undefined],
  ["lookup_rdns", OK, "mx.test", answer("mx.test")],
  ["lookup_rdns", OK, "", answer("Unknown")],
  ["lookup_rdns", DENY, "no", deny("no")],
  ["unrecognized_command", NEXT_HOOK, "noop", answer({ run: "noop" })],
  ["get_mx", OK, "mx.test:25", answer("mx.test:25")],
  ["get_mx", DENY, "no", deny("no")],
  ["send_email", DELAY, 30, answer(30)],
  ["send_email", OK, undefined, undefined],
  ["deferred", CONT, undefined, undefined],
  ["deferred", DENYSOFT, 90, answer(90)],
  ["deferred", OK, undefined, ok()],
  ["bounce", CONT, undefined, undefined],
  ["bounce", DENY, undefined, ok()],
  ["delivered", DENY, undefined, undefined],
  ["log", OK, undefined, ok()],
  ["log", CONT, undefined, undefined],
  ["init_master", DENY, "no", deny("no")],
];

for (const [hook, code, message, wanted] of CASES) {
  test(`at ${hook}, ${(CONSTANTS.translate as (code: unknown) => string)(code)} with ${String(message)}`, () => {
    assert.deepEqual(verdictOf(hook, code, message), wanted);
  });
}

test("a DSN brings its code and status, a text of its own or the default one [row 85]", () => {
  const make = (name: string, ...given: unknown[]) => (DSN[name] as (...given: unknown[]) => unknown)(...given);
  assert.deepEqual(
    verdictOf("mail", DENY, make("relaying_denied")),
    deny("Relaying denied", { code: 550, enhanced: "5.7.1" }),
  );
  assert.deepEqual(
    verdictOf("mail", DENYSOFT, make("mbox_full", "full", 452)),
    defer("full", { code: 452, enhanced: "4.2.2" }),
  );
  assert.deepEqual(
    verdictOf("mail", DENY, make("no_such_user", ["a", "b"], 600)),
    deny(["a", "b"], { code: 550, enhanced: "5.1.1" }),
  );
  assert.deepEqual(make("create", 451, "x", 7, 24), {
    code: 451,
    msg: "x",
    cls: 4,
    sub: 7,
    det: 24,
    default_msg: "Other undefined status",
    reply: "4.7.24 x",
  });
  assert.deepEqual((make("sys_disk_full", ["a", "b"]) as { reply: unknown }).reply, ["4.3.1 a", "4.3.1 b"]);
});

test("a refusal of anybody's has its code for the deny hook", () => {
  assert.deepEqual([deny(), defer(), deny("", { hangUp: true }), defer("", { hangUp: true }), hangUp()].map(codeOf), [
    "DENY",
    "DENYSOFT",
    "DENYDISCONNECT",
    "DENYSOFTDISCONNECT",
    "DENYDISCONNECT",
  ]);
});
