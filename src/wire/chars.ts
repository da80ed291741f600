/** Character classes of RFC 5321's grammar, as bits looked up by code. */
export const ATEXT = 1;
/** Letter, digit or hyphen. */
export const LDH = 2;
/** Letter or digit. */
export const ALNUM = 4;

const classes = new Uint8Array(128);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
  classes[char.charCodeAt(0)] = ATEXT | LDH | ALNUM;
}
for (const char of "!#$%&'*+/=?^_`{|}~") classes[char.charCodeAt(0)] = ATEXT;
classes["-".charCodeAt(0)] = ATEXT | LDH;

/** The bits of a character's classes; 0 beyond ASCII. */
export function classOf(code: number): number {
  return code < 128 ? classes[code]! : 0;
}
