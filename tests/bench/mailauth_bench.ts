/**
 * What SPF, DKIM, DMARC and ARC cost per message: `deno bench -A tests/bench/mailauth_bench.ts`.
 *
 * Look-ups are answered at once from a zone in memory. RSA keys have 2048 bits. "8 at once" shows what leaves the main thread.
 * Ways to sign beside each other: `sign_ways.ts`.
 */
import { memorySource } from "../../src/mail/source.ts";
import { createMessage, type Message } from "../../src/mail/message.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import { sealArc } from "../../src/mailauth/arc.ts";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";
import { verifyDkim } from "../../src/mailauth/dkim_verify.ts";
import { checkDmarc } from "../../src/mailauth/dmarc.ts";
import { checkSpf } from "../../src/mailauth/spf.ts";
import { zone } from "../kit/zone.ts";

const HEAD =
  "From: joe@example.com\r\nTo: ann@example.org\r\nSubject: bench\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700\r\n" +
  "Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n";
const LINE = "The quick brown fox jumps over the lazy dog. And some more words, until 76.\r\n";
const NOW = Date.now() + 60_000;
const letter = (octets: number): Message =>
  createMessage(memorySource(utf8Encode(HEAD + LINE.repeat(Math.ceil(octets / LINE.length)))));

const made = { rsa: await newDkimKey("rsa"), ed25519: await newDkimKey("ed25519") };
const resolver = zone({
  "rsa._domainkey.example.com": { TXT: [made.rsa.record] },
  "ed25519._domainkey.example.com": { TXT: [made.ed25519.record] },
  "_dmarc.example.com": { TXT: ["v=DMARC1; p=reject"] },
  "example.com": { TXT: ["v=spf1 include:a.test ip4:192.0.2.0/24 -all"] },
  "a.test": { TXT: ["v=spf1 ip4:198.51.100.0/24 -all"] },
});

for (const [name, octets] of [["4 KiB", 4096], ["1 MiB", 1024 * 1024]] as const) {
  for (const kind of ["rsa", "ed25519"] as const) {
    const options = { key: await readDkimKey(made[kind].privatePem), domain: "example.com", selector: kind };
    const plain = letter(octets);
    const signed = letter(octets);
    signed.header.addLeading("DKIM-Signature", await signDkim(signed, options));
    const came = createMessage(memorySource(signed.bytes()!));
    Deno.bench(`sign ${kind} ${name}`, { group: name }, async () => void await signDkim(plain, options));
    if (octets === 4096) {
      Deno.bench(`sign ${kind} ${name}, 8 at once`, { group: name }, async () => {
        await Promise.all(Array.from({ length: 8 }, () => signDkim(plain, options)));
      });
      const seal = { ...options, results: "mx.test; dmarc=pass", chain: "none", now: NOW } as const;
      Deno.bench(`seal ${kind} ${name}`, { group: name }, async () => void await sealArc(plain, seal));
    }
    Deno.bench(`verify ${kind} ${name}`, { group: name }, async () => {
      const [found] = await verifyDkim(came, { resolver, now: NOW });
      if (found?.result !== "pass") throw new Error(found?.reason);
    });
  }
}
const plain = letter(4096);
Deno.bench("verify, no signature", async () => void await verifyDkim(plain, { resolver, now: NOW }));
Deno.bench("spf, one include", async () => {
  await checkSpf({ ip: "192.0.2.1", helo: "c.test", sender: "joe@example.com", me: "mx.test", resolver });
});
Deno.bench("dmarc", async () => void await checkDmarc({ message: plain, dkim: ["example.com"], resolver }));
