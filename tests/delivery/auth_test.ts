import assert from "node:assert/strict";
import { type AuthDialogue, chooseAuth } from "../../src/delivery/auth.ts";
import { test } from "../kit/test.ts";

const choose = (offered: string[], type?: string) =>
  chooseAuth({ user: "tim", pass: "tanstaaftanstaaf", ...(type && { type }) }, offered);
const mechanism = (found: AuthDialogue | string) => (typeof found === "string" ? found : found.mechanism);

test("CRAM-MD5 is chosen before PLAIN, PLAIN before LOGIN, and a named mechanism or none", () => {
  assert.equal(mechanism(choose(["LOGIN", "PLAIN", "CRAM-MD5"])), "CRAM-MD5");
  assert.equal(mechanism(choose(["LOGIN", "PLAIN"])), "PLAIN");
  assert.equal(mechanism(choose(["LOGIN"])), "LOGIN");
  assert.equal(mechanism(choose(["PLAIN", "LOGIN"], "login")), "LOGIN");
  assert.equal(choose(["PLAIN"], "LOGIN"), "the host does not offer AUTH LOGIN");
  assert.equal(choose(["constructor"], "constructor"), "AUTH CONSTRUCTOR is not supported here");
  assert.equal(choose([]), "the host offers no AUTH");
  assert.equal(choose(["GSSAPI"]), "the host offers no AUTH known here (GSSAPI)");
});

test("CRAM-MD5 answers RFC 2195's challenge as RFC 2195 does, and nothing to what is no challenge", () => {
  const cram = choose(["CRAM-MD5"]) as AuthDialogue;
  assert.equal(
    cram.answer(0, "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"),
    "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
  );
  assert.equal(cram.answer(0, "***"), undefined);
  assert.equal(cram.answer(1, "eA=="), undefined);
});

test("LOGIN gives user and password as asked, in order when the questions say nothing", () => {
  const login = choose(["LOGIN"]) as AuthDialogue;
  const [user, pass] = [btoa("tim"), btoa("tanstaaftanstaaf")];
  assert.deepEqual([login.answer(0, btoa("Username:")), login.answer(1, btoa("Password:"))], [user, pass]);
  assert.deepEqual([login.answer(0, ""), login.answer(1, "?")], [user, pass]);
  assert.equal(login.answer(2, ""), undefined);
});

test("PLAIN carries all in one, UTF-8 included", () => {
  const plain = chooseAuth({ user: "jürgen", pass: "ß" }, ["PLAIN"]) as AuthDialogue;
  assert.equal(plain.command, "AUTH PLAIN AGrDvHJnZW4Aw58=");
  assert.equal(plain.answer(0, ""), undefined);
});
