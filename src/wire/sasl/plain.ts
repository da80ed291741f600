/** The mechanisms that show the password, or a digest of it: PLAIN (RFC 4616), CRAM-MD5 (RFC 2195). Pure. */
import { utf8Decode } from "../../base/bytes.ts";

/** RFC 4616 §2: `authzid NUL authcid NUL passwd`. The first is passed over. `undefined`: not of the form, or one of them is empty. */
export function parsePlain(octets: Uint8Array): { readonly user: string; readonly password: string } | undefined {
  const [, user, password, ...more] = utf8Decode(octets).split("\0");
  return user && password && more.length === 0 ? { user, password } : undefined;
}

/** RFC 2195 §2: name, a blank, the digest in hexadecimal (here in small letters). */
export function parseCram(octets: Uint8Array): { readonly user: string; readonly digest: string } | undefined {
  const text = utf8Decode(octets);
  const space = text.lastIndexOf(" ");
  const digest = text.slice(space + 1).toLowerCase();
  return space < 1 || !/^[0-9a-f]{32}$/.test(digest) ? undefined : { user: text.slice(0, space), digest };
}
