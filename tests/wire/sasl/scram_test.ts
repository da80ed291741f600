import assert from "node:assert/strict";
import { latin1Encode, utf8Decode, utf8Encode } from "../../../src/base/bytes.ts";
import { decodeBase64 } from "../../../src/wire/base64.ts";
import {
  authMessage,
  bindsTo,
  formatServerFinal,
  formatServerFirst,
  parseClientFinal,
  parseClientFirst,
  proves,
  textOf,
} from "../../../src/wire/sasl/scram.ts";
import { deriveScramKeys } from "../../../src/wire/sasl/scram_keys.ts";
import { test } from "../../kit/test.ts";

test("the exchange of RFC 7677 §3 comes out to the octet", async () => {
  const first = parseClientFirst("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")!;
  assert.deepEqual([first.user, first.nonce, first.flag, first.gs2Header], [
    "user",
    "rOprNGfwEbeRWgbNEkqO",
    "n",
    "n,,",
  ]);
  const keys = await deriveScramKeys("pencil", decodeBase64("W22ZaJ0SNY7soEsUEjb6gQ==")!, 4096);
  const serverFirst = formatServerFirst("rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", keys);
  assert.equal(serverFirst, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  const final = parseClientFinal(
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  )!;
  const message = authMessage(first, serverFirst, final);
  assert.equal(bindsTo(final, first, undefined), true);
  assert.equal(await proves(final.proof, keys, message), true);
  assert.equal(await formatServerFinal(keys, message), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  const other = await deriveScramKeys("pencils", keys.salt, 4096);
  assert.equal(await proves(final.proof, other, message), false);
});

test("names may hold commas and equals signs, and nothing half-encoded", () => {
  assert.equal(parseClientFirst("y,a=x=2Cy,n=a=3Db=2Cc,r=x")?.user, "a=b,c");
  assert.equal(parseClientFirst("y,a=x=2Cy,n=a=3Db=2Cc,r=x")?.authzid, "x,y");
  assert.deepEqual(parseClientFirst("p=tls-unique,,n=jürgen,r=x")?.flag, { kind: "tls-unique" });
  for (
    const bad of [
      "",
      "n,,",
      "n,n=a,r=b",
      "x,,n=a,r=b",
      "p=,,n=a,r=b",
      "n,,n=a=b,r=b",
      "n,,n=a,r=",
      "n,,n=,r=b",
      "n,,m=x,n=a,r=b",
      "n,,n=a,r=b c",
      "n,,n=a,r=b,c",
      "n,,n=a\0b,r=c",
    ]
  ) assert.equal(parseClientFirst(bad), undefined, bad);
  assert.equal(textOf(latin1Encode("n,,n=j\xfcrgen,r=x")), undefined);
});

test("a final message says its channel, its nonce and a proof of 32 octets", () => {
  const proof = btoa("x".repeat(32));
  assert.equal(utf8Decode(parseClientFinal(`c=biws,r=ab,p=${proof}`)!.binding), "n,,");
  assert.equal(parseClientFinal(`c=biws,r=ab,x=ext,p=${proof}`)?.withoutProof, "c=biws,r=ab,x=ext");
  for (const bad of [`c=biw,r=ab,p=${proof}`, "c=biws,r=ab,p=eHg=", "c=biws,r=ab", `r=ab,c=biws,p=${proof}`]) {
    assert.equal(parseClientFinal(bad), undefined, bad);
  }
});

test("a bound client says header and channel, an unbound one the header alone", () => {
  const final = (text: string) => ({ binding: utf8Encode(text), nonce: "x", proof: utf8Encode(""), withoutProof: "" });
  const bound = parseClientFirst("p=tls-server-end-point,,n=a,r=b")!;
  const channel = utf8Encode("CERT");
  assert.equal(bindsTo(final("p=tls-server-end-point,,CERT"), bound, channel), true);
  assert.equal(bindsTo(final("p=tls-server-end-point,,CERT"), bound, utf8Encode("ELSE")), false);
  assert.equal(bindsTo(final("p=tls-server-end-point,,"), bound, undefined), false);
  const unbound = parseClientFirst("y,,n=a,r=b")!;
  assert.equal(bindsTo(final("y,,"), unbound, channel), true);
  assert.equal(bindsTo(final("n,,"), unbound, channel), false);
});
