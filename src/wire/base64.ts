/** Base64 (RFC 4648 §4) for AUTH, the strict way: full padding, no line breaks, no stray bits. */
import { type Bytes, latin1Decode, latin1Encode } from "../base/bytes.ts";

// The last character before the padding may only use bits that count (§3.5).
const SHAPE = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?$/;

export function encodeBase64(bytes: Uint8Array): string {
  return btoa(latin1Decode(bytes));
}

/** `undefined`: not canonical base64. */
export function decodeBase64(text: string): Bytes | undefined {
  return SHAPE.test(text) ? latin1Encode(atob(text)) : undefined;
}
