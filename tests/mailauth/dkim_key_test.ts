import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { utf8Encode } from "../../src/base/bytes.ts";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { test } from "../kit/test.ts";

const rsa = (bits: number, type: "pkcs1" | "pkcs8") =>
  generateKeyPairSync("rsa", { modulusLength: bits }).privateKey.export({ type, format: "pem" }) as string;

test("RSA keys are read from PKCS#8 and from PKCS#1, with whatever stands around them", async () => {
  for (const type of ["pkcs1", "pkcs8"] as const) {
    const key = await readDkimKey(`# a comment\n${rsa(1024, type).replaceAll("\n", "\r\n")}\n`);
    assert.equal(key.algorithm, "rsa-sha256");
    assert.equal(atob(await key.sign(utf8Encode("x"))).length, 128);
  }
});

test("a new key can be read again, and its record holds the public key", async () => {
  const made = await newDkimKey("ed25519");
  assert.equal((await readDkimKey(made.privatePem)).algorithm, "ed25519-sha256");
  assert.match(made.record, /^v=DKIM1;k=ed25519;p=[A-Za-z0-9+/]{43}=$/);
  assert.match(made.publicPem, /^-----BEGIN PUBLIC KEY-----\n/);
});

test("what is no key is refused with the reason", async () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" });
  const locked = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey
    .export({ type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase: "x" });
  const cases: [string, RegExp][] = [
    ["", /no PEM block/],
    ["-----BEGIN PRIVATE KEY-----\n####\n-----END PRIVATE KEY-----", /base64 is damaged/],
    ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", /holds a PUBLIC KEY/],
    [String(ec), /neither RSA nor Ed25519/],
    [String(locked), /encrypted/],
    [rsa(512, "pkcs8"), /512 bits/],
    [rsa(1024, "pkcs1").replace(/\n[^\n]+\n-----END/, "\n-----END"), /damaged/],
  ];
  for (const [pem, wanted] of cases) await assert.rejects(readDkimKey(pem), wanted);
});

test("RSA keys sign as many messages at once as there are processors; who is aborted meanwhile is not waited for", async () => {
  const key = await readDkimKey(rsa(1024, "pkcs8"));
  const { subtle } = crypto;
  const held = Promise.withResolvers<void>();
  let busy = 0;
  const sign = subtle.sign;
  subtle.sign = async (...args: Parameters<typeof sign>) => {
    busy++;
    await held.promise;
    return await sign.apply(subtle, args);
  };
  try {
    const [most, gone] = [navigator.hardwareConcurrency, new AbortController()];
    const signatures = Array.from({ length: most + 3 }, () => key.sign(utf8Encode("x")));
    const left = assert.rejects(key.sign(utf8Encode("y"), gone.signal), /client is gone/);
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(busy, most);
    gone.abort(new Error("client is gone"));
    await left;
    held.resolve();
    assert.equal(new Set(await Promise.all(signatures)).size, 1);
    assert.equal(busy, most + 3);
  } finally {
    subtle.sign = sign;
  }
});
