/**
 * IP addresses as sixteen octets, so that IPv4, IPv6 and mapped ones compare alike; and blocks of them (`192.0.2.0/24`).
 *
 * Pure. Text that is no address gives undefined.
 */

/** 4, 6, or 0 when `text` is no IP address. Looks at the form only, which is enough to tell addresses from host names. */
export function familyOf(text: string): 0 | 4 | 6 {
  if (text.includes(":")) return 6;
  const last = text.charCodeAt(text.length - 1);
  return last >= 48 && last <= 57 && /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ? 4 : 0;
}

/** Sixteen octets; an IPv4 address as its mapped form. */
export function addressOctets(text: string): Uint8Array | undefined {
  const plain = text.replace(/%.*$/, "");
  if (familyOf(plain) === 4) return mapped(plain);
  if (!/^[0-9a-f:.]+$/i.test(plain) || !plain.includes(":")) return undefined;
  const tail = /(?:^|:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(plain);
  const last = tail === null ? undefined : mapped(tail[1]!);
  if (tail !== null && last === undefined) return undefined;
  const hexadecimal = last === undefined
    ? plain
    : plain.slice(0, -tail![1]!.length) + `${word(last, 12)}:${word(last, 14)}`;
  const halves = hexadecimal.split("::");
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left!.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const words = right === undefined ? left! : [...left!, ...Array<string>(missing).fill("0"), ...right];
  const out = new Uint8Array(16);
  for (let i = 0; i < 8; i++) {
    if (!/^[0-9a-f]{1,4}$/i.test(words[i]!)) return undefined;
    const value = parseInt(words[i]!, 16);
    out[2 * i] = value >> 8;
    out[2 * i + 1] = value & 255;
  }
  return out;
}

export interface Block {
  readonly octets: Uint8Array;
  readonly bits: number;
}

/** `192.0.2.0/24`, `2001:db8::/32`, or a single address. */
export function addressBlock(text: string): Block | undefined {
  const slash = text.indexOf("/");
  const octets = addressOctets(slash < 0 ? text : text.slice(0, slash));
  if (octets === undefined) return undefined;
  if (slash < 0) return { octets, bits: 128 };
  const width = familyOf(text.slice(0, slash)) === 4 ? 32 : 128;
  const bits = /^\d{1,3}$/.test(text.slice(slash + 1)) ? Number(text.slice(slash + 1)) : -1;
  return bits < 0 || bits > width ? undefined : { octets, bits: 128 - width + bits };
}

export function inBlock(octets: Uint8Array, block: Block): boolean {
  const whole = block.bits >> 3;
  for (let i = 0; i < whole; i++) if (octets[i] !== block.octets[i]) return false;
  const rest = block.bits & 7;
  return rest === 0 || ((octets[whole]! ^ block.octets[whole]!) >> (8 - rest)) === 0;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(octets: Uint8Array): boolean {
  return inBlock(octets, LOOPBACK_4) || inBlock(octets, LOOPBACK_6);
}

const LOOPBACK_4 = addressBlock("127.0.0.0/8")!;
const LOOPBACK_6 = addressBlock("::1")!;

function mapped(text: string): Uint8Array | undefined {
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...parts);
}

function word(octets: Uint8Array, at: number): string {
  return ((octets[at]! << 8) | octets[at + 1]!).toString(16);
}
