/** Messages, keys and zones for the tests of this room. */
import { utf8Encode } from "../../src/base/bytes.ts";
import { createMessage, type Message } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";

export const NOW = Date.parse("2026-11-23T05:00:00Z");

/** `\n` becomes CRLF. */
export function mail(text: string): Message {
  return createMessage(memorySource(utf8Encode(text.replaceAll("\n", "\r\n"))));
}

/** The message as it stands now, as one that came in. */
export async function arrived(message: Message): Promise<Message> {
  return createMessage(memorySource(new Uint8Array(await new Response(message.open()).arrayBuffer())));
}

export const LETTER = `From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.

`;
