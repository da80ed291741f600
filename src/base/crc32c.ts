/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells a torn or flipped record from a whole one.
 *
 * Incremental: `crc32c(b, crc32c(a))` is the checksum of `a` followed by `b`. The value is an unsigned 32-bit integer.
 */
const REVERSED_POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256: table k steps a byte that stands k places before the end of its group (slicing by eight). */
const TABLES = makeTables();
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function makeTables(): Int32Array[] {
  const first = new Int32Array(256);
  for (let n = 0; n < 256; n++) {
    let value = n;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ REVERSED_POLYNOMIAL : value >>> 1;
    first[n] = value;
  }
  const tables = [first];
  for (let k = 1; k < 8; k++) {
    const before = tables[k - 1]!;
    tables.push(before.map((value) => (value >>> 8) ^ first[value & 0xff]!));
  }
  return tables;
}

/** `before`: the checksum of the octets that went before; 0 for none. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const length = bytes.length;
  const grouped = length - (length & 7);
  let crc = ~before;
  let i = 0;
  for (; i < grouped; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc = T7[crc & 0xff]! ^ T6[(crc >>> 8) & 0xff]! ^ T5[(crc >>> 16) & 0xff]! ^ T4[crc >>> 24]! ^
      T3[bytes[i + 4]!]! ^ T2[bytes[i + 5]!]! ^ T1[bytes[i + 6]!]! ^ T0[bytes[i + 7]!]!;
  }
  for (; i < length; i++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
