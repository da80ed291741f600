/**
 * SASLprep (RFC 4013), as much of it as keeps a password the same from keyboard to keyboard: odd spaces become spaces, what cannot be seen
 * goes, NFKC, and controls, private and non-characters are prohibited.
 *
 * Left out: the check of bidirectional text (§2.4) and unassigned code points (§2.5), which refuse and never change a text.
 */

/** RFC 3454 C.1.2. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;
/** RFC 3454 B.1: commonly mapped to nothing. Variation selectors and joiners stand beside others on purpose. */
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g;
/** RFC 3454 C.2.1, C.2.2, C.3 to C.9. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The prepared text; `undefined` when it holds something prohibited. */
export function saslPrep(text: string): string | undefined {
  // Printable ASCII is what it is, and is nearly everything there is.
  if (/^[ -~]*$/.test(text)) return text;
  const mapped = text.replace(SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  return PROHIBITED.test(mapped) ? undefined : mapped;
}

/** For comparing: what cannot be prepared stands for itself, as other servers have it. */
export function prepared(text: string): string {
  return saslPrep(text) ?? text;
}
