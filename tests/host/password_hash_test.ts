import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  HASH_KINDS,
  hashPassword,
  looksLikePasswordHash,
  passwordHashFault,
  verifyPassword,
} from "../../src/host/password_hash.ts";
import { test } from "../kit/test.ts";

/** Made by others: crypt(3), Python's hashlib, and the test vectors of argon2's reference implementation. */
const OF_OTHERS: readonly (readonly [password: string, hash: string])[] = [
  ["s3cret", "$2b$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK"],
  ["s3cret", "$2y$05$mah6NcRAy9ujm9xNYECvKOMb4KFF/h1GJevfBIm67dg8laQB4jddq"],
  ["s3cret", "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$qmDKqPmblHBa7mzhr6QqhXNlhsWC0zhaHnYqFzkfoMc"],
  [
    "password",
    `$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$${
      Buffer.from("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7", "hex").toString("base64").slice(
        0,
        -1,
      )
    }`,
  ],
  [
    "password",
    `$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$${
      Buffer.from("c1628832147d9720c5bd1cfd61367078729f6dfb6f8fea9ff98158e0d7816ed0", "hex").toString("base64").slice(
        0,
        -1,
      )
    }`,
  ],
];

test("hashes that other software made are read", async () => {
  for (const [password, hash] of OF_OTHERS) {
    assert.equal(passwordHashFault(hash), undefined, hash);
    assert.equal(await verifyPassword(password, hash), true, hash);
    assert.equal(await verifyPassword(`${password}x`, hash), false, hash);
  }
});

test("a new hash of each kind fits its password and no other, and never looks the same twice", async () => {
  for (const kind of HASH_KINDS) {
    const hash = await hashPassword("Grüße 🔑", kind);
    assert.ok(looksLikePasswordHash(hash) && passwordHashFault(hash) === undefined, hash);
    assert.equal(await verifyPassword("Grüße 🔑", hash), true);
    assert.equal(await verifyPassword("", hash), false);
    assert.notEqual(await hashPassword("Grüße 🔑", kind), hash);
  }
  await assert.rejects(hashPassword("", "scrypt"), RangeError);
  await assert.rejects(hashPassword("x".repeat(73), "bcrypt"), RangeError);
});

test("a hash that is none, or would take too long or too much memory, is told at once and fits nothing", async () => {
  const salted = "c29tc2FsdHNvbWVzYWx0";
  const out = "A".repeat(43);
  const bad = [
    ["$2b$15$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK", /more work/],
    ["$2b$31$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK", /more work/],
    ["$2x$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK", /form/],
    ["$2b$05$short", /form/],
    [`$scrypt$ln=24,r=8,p=1$${salted}$${out}`, /more work/],
    [`$scrypt$ln=14,r=8,p=999$${salted}$${out}`, /more work/],
    [`$scrypt$ln=0,r=8,p=1$${salted}$${out}`, /parameters/],
    [`$argon2id$v=19$m=4194304,t=1,p=1$${salted}$${out}`, /more work/],
    [`$argon2id$v=19$m=65536,t=999999999,p=1$${salted}$${out}`, /more work/],
    [`$argon2id$v=19$m=8,t=1,p=2$${salted}$${out}`, /parameters/],
    [`$argon2id$m=8,t=1,p=2$${salted}$${out}`, /form/],
    ["plain", /form/],
  ] as const;
  const from = performance.now();
  for (const [hash, why] of bad) {
    assert.match(passwordHashFault(hash) ?? "", why, hash);
    assert.equal(await verifyPassword("s3cret", hash), false, hash);
  }
  assert.ok(performance.now() - from < 500, "nothing of it was tried");
});

test("whoever waits for a turn may go", async () => {
  const [, hash] = OF_OTHERS[0]!;
  const stop = new AbortController();
  const first = verifyPassword("s3cret", hash);
  const second = verifyPassword("s3cret", hash, stop.signal);
  stop.abort(new Error("gone"));
  await assert.rejects(second, /gone/);
  assert.equal(await first, true);
});
