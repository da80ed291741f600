/** Header fields as signatures see them: found exactly as the octets have them, and written in "relaxed" form (RFC 6376 §3.4.2). */
import { latin1Decode } from "../base/bytes.ts";

export interface SignedField {
  readonly name: string;
  /** Lower-case. */
  readonly key: string;
  /** `Name: value`, one character per octet, without the last line break. */
  readonly line: string;
}

/** The fields of a header, from the top. Lines that are no field are passed over. */
export function fieldsOf(header: Uint8Array): SignedField[] {
  return latin1Decode(header).split(/\r?\n(?![ \t])/).flatMap((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) return [];
    const name = line.slice(0, colon).trimEnd();
    return [{ name, key: name.toLowerCase(), line }];
  });
}

/** `name:value`, unfolded, runs of white space made one space, none at the ends. */
export function relaxed(line: string): string {
  const colon = line.indexOf(":");
  const value = line.slice(colon + 1).replace(/\r?\n/g, "").replace(/[ \t]+/g, " ").trim();
  return `${line.slice(0, colon).trimEnd().toLowerCase()}:${value}`;
}
