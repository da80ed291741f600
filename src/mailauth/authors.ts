/** The addresses in a message's From (or Sender), read by the package so that all of its checks see the same ones. Nothing throws. */
import { latin1Decode, utf8Encode } from "../base/bytes.ts";
import type { Message } from "../mail/message.ts";
import { PARTS } from "./package.ts";

export interface Authors {
  /** As they stand there: `user@host`, not checked. */
  readonly addresses: readonly string[];
  /** How many such fields there are; more than one is not a proper message (RFC 5322 §3.6). */
  readonly fields: number;
}

/** What was read of a message's field, and when that stood there. Several plugins ask in turn. */
interface Known {
  readonly text: string;
  readonly authors: Promise<Authors>;
}
const known = { From: new WeakMap<Message, Known>(), Sender: new WeakMap<Message, Known>() } as const;

export function authorsOf(message: Message, field: "From" | "Sender" = "From"): Promise<Authors> {
  const lower = field.toLowerCase();
  const values = message.header.fields.filter(({ name }) => name.toLowerCase() === lower).map(({ value }) => value);
  const text = values.map((value) => `From:${value}\r\n`).join("");
  const before = known[field].get(message);
  // Plugins may have changed the header meanwhile.
  if (before?.text === text) return before.authors;
  const authors = read(text, values.length);
  known[field].set(message, { text, authors });
  return authors;
}

async function read(header: string, fields: number): Promise<Authors> {
  if (fields === 0) return { addresses: [], fields };
  const [Verifier, parseHeaders] = [await PARTS.verifier(), await PARTS.headers()];
  const verifier = new Verifier({ resolver: nobody, strict: true, curTime: new Date(0), minBitLength: 1024 });
  // Without the stream around it, which costs more than all the rest.
  const octets = latin1Decode(utf8Encode(header));
  await verifier.messageHeaders(parseHeaders({ toString: () => octets }));
  return { addresses: verifier.headerFrom, fields };
}

/** There are no signatures to be looked up. */
const nobody = () => Promise.resolve([]);
