/** DKIM for the mail in the bag whose senders sign it: newsletters, lists, and every other letter of those who keep their house in order. */
import { type Bytes, concat, utf8Encode } from "../../src/base/bytes.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";
import type { MadeMail } from "./mailbag.ts";
import { CLIENTS } from "./mailbag_zone.ts";
import type { ZoneText } from "./zone.ts";

const SIGNERS = new Set([...CLIENTS.good, CLIENTS.bulk, CLIENTS.list].map(({ domain }) => domain));

export interface SignedMail {
  readonly mails: readonly MadeMail[];
  /** Where the keys are found. */
  readonly zone: ZoneText;
}

export async function signedMail(mails: readonly MadeMail[], kind: "rsa" | "ed25519"): Promise<SignedMail> {
  const { privatePem, record } = await newDkimKey(kind);
  const key = await readDkimKey(privatePem);
  const signed = await Promise.all(mails.map(async (mail, i) => {
    const { domain } = mail.client;
    const isSigned = SIGNERS.has(domain) && mail.kind !== "broken" && (i % 2 === 0 || domain === CLIENTS.bulk.domain);
    if (!isSigned) return mail;
    const value = await signDkim(createMessage(memorySource(mail.octets)), { key, domain, selector: "s1" });
    const octets: Bytes = concat([utf8Encode(`DKIM-Signature: ${value}\r\n`), mail.octets]);
    return { ...mail, octets };
  }));
  const names = [...SIGNERS].map((domain) => [`s1._domainkey.${domain}`, { TXT: [record] }] as const);
  return { mails: signed, zone: Object.fromEntries(names) };
}
