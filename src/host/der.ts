/** As much of DER (X.690) as OCSP and channel binding take: elements read where they stand, and written. Reading throws RangeError where one leaves its octets. */
import type { Bytes } from "../base/bytes.ts";

export interface Element {
  readonly tag: number;
  /** Where it begins with its tag, where its content begins, and where it ends. */
  readonly start: number;
  readonly from: number;
  readonly to: number;
}

export function readElement(der: Uint8Array, start: number): Element {
  let length = der[start + 1] ?? NaN;
  let from = start + 2;
  if (length >= 0x80) {
    const octets = length - 0x80;
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (der[from + i] ?? NaN);
    from += octets;
  }
  const to = from + length;
  if (!(to <= der.length)) throw new RangeError("A DER element leaves its octets");
  return { tag: der[start]!, start, from, to };
}

/** The elements that a constructed one is made of. */
export function childrenOf(der: Uint8Array, { from, to }: Element): Element[] {
  const found: Element[] = [];
  for (let at = from; at < to;) {
    const child = readElement(der, at);
    found.push(child);
    at = child.to;
  }
  return found;
}

export function element(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) size.unshift(left & 255);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | size.length, ...size];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
