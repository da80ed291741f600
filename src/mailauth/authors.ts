/** The addresses in a message's From (or Sender), read by the package so that all of its checks see the same ones. Nothing throws. */
import { utf8Encode } from "../base/bytes.ts";
import type { Message } from "../mail/message.ts";
import { memorySource } from "../mail/source.ts";
import { feed } from "./feed.ts";
import { PARTS } from "./package.ts";

export interface Authors {
  /** As they stand there: `user@host`, not checked. */
  readonly addresses: readonly string[];
  /** How many such fields there are; more than one is not a proper message (RFC 5322 §3.6). */
  readonly fields: number;
}

export async function authorsOf(message: Message, field: "From" | "Sender" = "From"): Promise<Authors> {
  const lower = field.toLowerCase();
  const values = message.header.fields.filter(({ name }) => name.toLowerCase() === lower).map(({ value }) => value);
  if (values.length === 0) return { addresses: [], fields: 0 };
  const Verifier = await PARTS.verifier();
  const verifier = new Verifier({ resolver: nobody, strict: true, curTime: new Date(0), minBitLength: 1024 });
  const header = values.map((value) => `From:${value}\r\n`).join("");
  await feed(memorySource(utf8Encode(`${header}\r\n`)).open(), verifier);
  return { addresses: verifier.headerFrom, fields: values.length };
}

/** There are no signatures to be looked up. */
const nobody = () => Promise.resolve([]);
