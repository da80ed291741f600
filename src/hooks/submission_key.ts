/** Keys under which a submission is taken once: whose they are, and for which sender. */
import { utf8Encode } from "../base/bytes.ts";

/** `who`: a user, a client's address, our own programs. Keys of others, and for other senders, are other keys. Short, whatever was given. */
export async function submissionKey(who: string, sender: string, key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8Encode(JSON.stringify([who, sender, key])));
  return btoa(String.fromCharCode(...new Uint8Array(digest, 0, 18)));
}
