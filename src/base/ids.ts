/** Names for sessions, transactions and deliveries. */

/** A fresh session id: 8-4-4-4-12 upper-case hex digits, version 4, as Haraka's logs have it. */
export function newId(): string {
  return crypto.randomUUID().toUpperCase();
}
