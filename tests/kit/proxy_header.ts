/** Headers of the PROXY protocol, version 2, from literals. */
import { type Bytes, concat, latin1Encode } from "../../src/base/bytes.ts";

export interface V2Parts {
  /** 0 LOCAL, 1 PROXY. */
  readonly command?: number;
  /** Family and transport: 0x11 IPv4, 0x21 IPv6, over TCP. */
  readonly kind?: number;
  readonly addresses?: Bytes;
  readonly tlvs?: readonly (readonly [type: number, value: Bytes])[];
}

const PORTS = [41_000 >> 8, 41_000 & 255, 0, 25];
/** 192.0.2.7:41000 to 198.51.100.1:25. */
export const V4_ADDRESSES: Bytes = new Uint8Array([192, 0, 2, 7, 198, 51, 100, 1, ...PORTS]);
/** [2001:db8::7]:41000 to [2001:db8::1]:25. */
export const V6_ADDRESSES: Bytes = new Uint8Array([
  ...[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
  ...[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...PORTS,
]);

export function v2({ command = 1, kind = 0x11, addresses = new Uint8Array(0), tlvs = [] }: V2Parts): Bytes {
  const tail = concat([
    addresses,
    ...tlvs.flatMap(([type, value]) => [new Uint8Array([type, value.length >> 8, value.length & 255]), value]),
  ]);
  const head = new Uint8Array([0x20 | command, kind, tail.length >> 8, tail.length & 255]);
  return concat([latin1Encode("\r\n\r\n\0\r\nQUIT\n"), head, tail]);
}
