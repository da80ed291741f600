/**
 * The header a proxy sends before anything else to say whose connection it passes on: the PROXY protocol, versions 1 and 2.
 *
 * {@linkcode parseProxyHeader} is pure and tells how many further octets surely belong to the header, so that whoever reads takes not one octet
 * too many: what stands behind may be a TLS handshake. It never throws. Only peers that are known to be proxies may be listened to.
 */
import { type Bytes, concat, EMPTY, latin1Decode } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import { ipVersion, normalizeIp } from "../base/ip.ts";

export interface ProxyEnd {
  readonly ip: string;
  readonly port: number;
}

/** Type and octets, as they came: `2` is the host name the client asked for, `5` an id of the proxy's, `0x20` what its TLS settled. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Bytes;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /**
   * `client`: source and destination are the client's. `local`: the proxy speaks for itself, to see whether we are well. `unknown`: there is a
   * client, but the proxy can't say which (v1 UNKNOWN, v2 UNSPEC, Unix sockets, datagrams).
   */
  readonly speaksFor: "client" | "local" | "unknown";
  readonly family: "TCP4" | "TCP6" | undefined;
  readonly source: ProxyEnd | undefined;
  readonly destination: ProxyEnd | undefined;
  /** Version 2 only. */
  readonly tlvs: readonly ProxyTlv[];
}

export type ProxyParse =
  /** At least so many octets are missing. */
  | { readonly kind: "more"; readonly atLeast: number }
  | { readonly kind: "header"; readonly header: ProxyHeader; /** Octets of it. */ readonly length: number }
  | { readonly kind: "fault"; readonly reason: string };

/** Judges the octets that have come so far; octets behind the header are left alone. */
export function parseProxyHeader(bytes: Bytes): ProxyParse {
  // Neither version is shorter than `PROXY UNKNOWN` and its CRLF.
  if (bytes.length === 0) return { kind: "more", atLeast: 15 };
  return bytes[0] === SIGNATURE[0] ? parseBinary(bytes) : parseText(bytes);
}

/**
 * Reads a header from a source of octets: `read(length)` gives at least one and at most `length` of them, undefined at the end. Undefined
 * when the end comes first.
 */
export async function readProxyHeader(
  read: (length: number) => Promise<Bytes | undefined>,
): Promise<Exclude<ProxyParse, { readonly kind: "more" }> | undefined> {
  let bytes: Bytes = EMPTY;
  for (;;) {
    const parsed = parseProxyHeader(bytes);
    if (parsed.kind !== "more") return parsed;
    const next = await read(parsed.atLeast);
    if (next === undefined) return undefined;
    bytes = concat([bytes, next]);
  }
}

const fault = (reason: string): ProxyParse => ({ kind: "fault", reason });

// Version 1: one line of text.

const PREFIX = "PROXY ";
/** CRLF included. */
const LONGEST_LINE = 107;
/** The shortest line that begins so, CRLF included. */
const SHORTEST = { TCP4: 32, TCP6: 22, other: 15 } as const;
const LINE = /^PROXY (TCP4|TCP6) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;
const LF = 10, CR = 13;

function parseText(bytes: Bytes): ProxyParse {
  const lf = bytes.subarray(0, LONGEST_LINE).indexOf(LF);
  const text = latin1Decode(bytes.subarray(0, lf < 0 ? LONGEST_LINE : lf));
  if (!text.startsWith(PREFIX.slice(0, text.length))) return fault("it does not begin with PROXY");
  if (lf < 0) {
    const cr = text.indexOf("\r");
    if (cr >= 0 && cr < text.length - 1) return fault("a carriage return stands within the line");
    if (bytes.length >= LONGEST_LINE) return fault("the line is too long");
    const family = text.slice(PREFIX.length, PREFIX.length + 4);
    const shortest = family === "TCP4" || family === "TCP6" ? SHORTEST[family] : SHORTEST.other;
    return { kind: "more", atLeast: Math.max(shortest - bytes.length, cr >= 0 ? 1 : 2) };
  }
  if (lf === 0 || bytes[lf - 1] !== CR) return fault("the line does not end with CR LF");
  const line = text.slice(0, -1);
  const length = lf + 1;
  if (line.includes("\r")) return fault("a carriage return stands within the line");
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: "header", header: nameless(1, "unknown", []), length };
  const match = LINE.exec(line);
  if (match === null) return fault("the line is not of the form PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT");
  const [, family, from = "", to = "", fromPort, toPort] = match;
  const source = { ip: from, port: Number(fromPort) };
  const destination = { ip: to, port: Number(toPort) };
  for (const { ip, port } of [source, destination]) {
    if (ip.includes(":") !== (family === "TCP6") || ipVersion(ip) === undefined) return fault("an address is none");
    if (port > 65_535) return fault("a port is none");
  }
  return { kind: "header", header: named(1, family as "TCP4" | "TCP6", source, destination, []), length };
}

// Version 2: a signature, four octets, and as many as these say.

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a] as const;
const FIXED = 16;
const FAMILIES = { 0x11: { family: "TCP4", octets: 4 }, 0x21: { family: "TCP6", octets: 16 } } as const;
/** Octets of the addresses of families that name no one we could answer, so that the TLVs behind are found. */
const OTHER_FAMILIES: { readonly [kind: number]: number | undefined } = {
  0x00: 0,
  0x12: 12,
  0x22: 36,
  0x31: 216,
  0x32: 216,
};
const CRC32C = 3;

function parseBinary(bytes: Bytes): ProxyParse {
  for (let i = 0; i < Math.min(bytes.length, SIGNATURE.length); i++) {
    if (bytes[i] !== SIGNATURE[i]) return fault("the signature is wrong");
  }
  if (bytes.length > 12 && bytes[12]! >> 4 !== 2) return fault("the version is neither 1 nor 2");
  if (bytes.length < FIXED) return { kind: "more", atLeast: FIXED - bytes.length };
  const length = FIXED + number16(bytes, 14);
  if (bytes.length < length) return { kind: "more", atLeast: length - bytes.length };
  const whole = bytes.slice(0, length);
  const kind = whole[13]!;
  switch (whole[12]! & 0x0f) {
    case 0:
      // Whatever else it says is not to be heeded.
      return { kind: "header", header: nameless(2, "local", []), length };
    case 1:
      break;
    default:
      return fault("the command is neither LOCAL nor PROXY");
  }
  const known = kind === 0x11 || kind === 0x21 ? FAMILIES[kind] : undefined;
  const octets = known === undefined ? OTHER_FAMILIES[kind] : 2 * known.octets + 4;
  if (octets === undefined) return fault("the address family is unknown");
  if (FIXED + octets > length) return fault("the addresses are cut short");
  const tlvs = parseTlvs(whole, FIXED + octets);
  if (tlvs === undefined) return fault("a TLV is cut short, or the checksum is wrong");
  if (known === undefined) return { kind: "header", header: nameless(2, "unknown", tlvs), length };
  const ports = FIXED + 2 * known.octets;
  const source = { ip: ipOf(whole, FIXED, known.octets), port: number16(whole, ports) };
  const destination = { ip: ipOf(whole, FIXED + known.octets, known.octets), port: number16(whole, ports + 2) };
  return { kind: "header", header: named(2, known.family, source, destination, tlvs), length };
}

/** Undefined when they don't end where the header does, or when their checksum is not that of the header. */
function parseTlvs(whole: Bytes, from: number): ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = [];
  for (let at = from; at < whole.length;) {
    if (at + 3 > whole.length) return undefined;
    const start = at + 3;
    const end = start + number16(whole, at + 1);
    if (end > whole.length) return undefined;
    const type = whole[at]!;
    const value = whole.slice(start, end);
    if (type === CRC32C) {
      const zeroed = whole.slice();
      zeroed.fill(0, start, end);
      if (value.length !== 4 || number16(value, 0) * 65_536 + number16(value, 2) !== crc32c(zeroed) >>> 0) {
        return undefined;
      }
    }
    tlvs.push({ type, value });
    at = end;
  }
  return tlvs;
}

function number16(bytes: Bytes, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

function ipOf(bytes: Bytes, at: number, octets: number): string {
  if (octets === 4) return bytes.subarray(at, at + 4).join(".");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(number16(bytes, at + i).toString(16));
  return normalizeIp(groups.join(":"));
}

function nameless(version: 1 | 2, speaksFor: "local" | "unknown", tlvs: readonly ProxyTlv[]): ProxyHeader {
  return { version, speaksFor, family: undefined, source: undefined, destination: undefined, tlvs };
}

function named(
  version: 1 | 2,
  family: "TCP4" | "TCP6",
  source: ProxyEnd,
  destination: ProxyEnd,
  tlvs: readonly ProxyTlv[],
): ProxyHeader {
  const plain = ({ ip, port }: ProxyEnd) => ({ ip: normalizeIp(ip), port });
  return { version, speaksFor: "client", family, source: plain(source), destination: plain(destination), tlvs };
}
