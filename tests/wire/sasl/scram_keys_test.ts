import assert from "node:assert/strict";
import { formatScramKeys, newScramKeys, parseScramKeys } from "../../../src/wire/sasl/scram_keys.ts";
import { test } from "../../kit/test.ts";

test("stored keys are read as they are written, and as Dovecot writes them", async () => {
  const keys = await newScramKeys("geheim");
  const text = formatScramKeys(keys);
  assert.match(text, /^SCRAM-SHA-256\$4096:[\w+/]{22}==\$[\w+/]{43}=:[\w+/]{43}=$/);
  assert.deepEqual(parseScramKeys(text), keys);
  const [, salt, stored, server] = /:(.+)\$(.+):(.+)$/.exec(text)!;
  assert.deepEqual(parseScramKeys(`{SCRAM-SHA-256}4096,${salt},${stored},${server}`), keys);
});

test("what is not of the form is none", async () => {
  const good = formatScramKeys(await newScramKeys("x"));
  const variants = [
    good.replace("4096", "0"),
    good.replace("4096", "99999999"),
    good.replace("$4096", ""),
    good.replace(/=:/, ":"),
    good.slice(0, -5),
    good.replace("SHA-256", "SHA-1"),
    "",
  ];
  for (const bad of variants) assert.equal(parseScramKeys(bad), undefined, bad);
});

test("two users with one password have other keys", async () => {
  const [a, b] = [await newScramKeys("x"), await newScramKeys("x")];
  assert.notDeepEqual(a.storedKey, b.storedKey);
});
