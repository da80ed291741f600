/** Message identifiers (RFC 5322 §3.6.4). */
import { newId } from "../base/ids.ts";

/** `<ID@HOST>`; a fresh id unless one is given, as for a message whose transaction has one. */
export function newMessageId(host: string, id: string = newId()): string {
  return `<${id}@${host}>`;
}

/** Every `<…>` of a Message-ID, In-Reply-To or References value, in order. */
export function messageIds(value: string): readonly string[] {
  return value.match(/<[^<>\s]+>/g) ?? [];
}
