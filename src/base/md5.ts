/**
 * MD5 (RFC 1321) and HMAC-MD5 (RFC 2104), for CRAM-MD5 (RFC 2195) and nothing else.
 *
 * MD5 is broken as a hash for signatures and absent from WebCrypto; CRAM-MD5 is still what some clients speak. Pure; never throws.
 */
import type { Bytes } from "./bytes.ts";
import { concat } from "./bytes.ts";

const BLOCK = 64;

/** Rotations, four to a round. */
const SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]] as const;
/** RFC 1321 §3.4: the integer part of 2³² · |sin(i + 1)|. */
const SINES = Uint32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));
/** Which word of the block a step takes, by round. */
const WORD = [
  (i: number) => i,
  (i: number) => (5 * i + 1) % 16,
  (i: number) => (3 * i + 5) % 16,
  (i: number) => (7 * i) % 16,
] as const;
const MIX = [
  (b: number, c: number, d: number) => (b & c) | (~b & d),
  (b: number, c: number, d: number) => (d & b) | (~d & c),
  (b: number, c: number, d: number) => b ^ c ^ d,
  (b: number, c: number, d: number) => c ^ (b | ~d),
] as const;

/** The 16 octets of the digest. */
export function md5(input: Uint8Array): Bytes {
  const padded = new Uint8Array(Math.ceil((input.length + 9) / BLOCK) * BLOCK);
  padded.set(input);
  padded[input.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, (input.length * 8) >>> 0, true);
  view.setUint32(padded.length - 4, Math.floor(input.length / 2 ** 29), true);

  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < padded.length; at += BLOCK) {
    let [a, b, c, d] = state as unknown as [number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const sum = (a + MIX[round]!(b, c, d) + SINES[i]! + view.getUint32(at + 4 * WORD[round]!(i), true)) >>> 0;
      const shift = SHIFTS[round]![i & 3]!;
      const turned = (sum << shift) | (sum >>> (32 - shift));
      [a, d, c, b] = [d, c, b, (b + turned) >>> 0];
    }
    state[0]! += a;
    state[1]! += b;
    state[2]! += c;
    state[3]! += d;
  }
  const digest = new Uint8Array(16);
  const out = new DataView(digest.buffer);
  for (let i = 0; i < 4; i++) out.setUint32(4 * i, state[i]!, true);
  return digest;
}

export function hmacMd5(key: Uint8Array, message: Uint8Array): Bytes {
  const short = key.length > BLOCK ? md5(key) : key;
  const inner = new Uint8Array(BLOCK).fill(0x36);
  const outer = new Uint8Array(BLOCK).fill(0x5c);
  for (let i = 0; i < short.length; i++) {
    inner[i]! ^= short[i]!;
    outer[i]! ^= short[i]!;
  }
  return md5(concat([outer, md5(concat([inner, message]))]));
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += byte.toString(16).padStart(2, "0");
  return out;
}
