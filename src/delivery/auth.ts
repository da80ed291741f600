/**
 * AUTH towards a next hop: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195).
 *
 * Says nothing to the peer itself: it gives the lines to send and what to answer its challenges with.
 */
import { utf8Decode, utf8Encode } from "../base/bytes.ts";
import { hex, hmacMd5 } from "../base/md5.ts";
import type { Destination } from "../hooks/outbound.ts";
import { decodeBase64, encodeBase64 } from "../wire/base64.ts";

type Credentials = NonNullable<Destination["auth"]>;

export interface AuthDialogue {
  readonly mechanism: string;
  /** The AUTH command, without its CRLF. */
  readonly command: string;
  /** The answer to the peer's n-th challenge (334), or undefined when there is none: then we cancel (RFC 4954 §4). */
  answer(n: number, challenge: string): string | undefined;
}

const base64 = (text: string) => encodeBase64(utf8Encode(text));

/** In the order they are chosen from when the configuration names none. */
const MECHANISMS: { readonly [name: string]: (credentials: Credentials) => AuthDialogue } = {
  "CRAM-MD5": ({ user, pass }) => ({
    mechanism: "CRAM-MD5",
    command: "AUTH CRAM-MD5",
    answer(n, challenge) {
      const octets = n === 0 ? decodeBase64(challenge.trim()) : undefined;
      return octets === undefined ? undefined : base64(`${user} ${hex(hmacMd5(utf8Encode(pass), octets))}`);
    },
  }),
  PLAIN: ({ user, pass }) => ({
    mechanism: "PLAIN",
    command: `AUTH PLAIN ${base64(`\0${user}\0${pass}`)}`,
    answer: () => undefined,
  }),
  LOGIN: ({ user, pass }) => ({
    mechanism: "LOGIN",
    command: "AUTH LOGIN",
    answer(n, challenge) {
      const asked = utf8Decode(decodeBase64(challenge.trim()) ?? new Uint8Array(0)).toLowerCase();
      if (n > 1) return undefined;
      return base64(asked.startsWith("pass") || (n === 1 && !asked.startsWith("user")) ? pass : user);
    },
  }),
};

/** What to do with these credentials at a peer that offers `offered`; text: why nothing can be done. */
export function chooseAuth(credentials: Credentials, offered: readonly string[]): AuthDialogue | string {
  const wanted = credentials.type?.toUpperCase();
  if (offered.length === 0) return "the host offers no AUTH";
  if (wanted !== undefined && wanted !== "") {
    const make = Object.hasOwn(MECHANISMS, wanted) ? MECHANISMS[wanted] : undefined;
    if (make === undefined) return `AUTH ${wanted} is not supported here`;
    return offered.includes(wanted) ? make(credentials) : `the host does not offer AUTH ${wanted}`;
  }
  for (const [name, make] of Object.entries(MECHANISMS)) if (offered.includes(name)) return make(credentials);
  return `the host offers no AUTH known here (${offered.join(" ")})`;
}
