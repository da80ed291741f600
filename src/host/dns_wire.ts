/**
 * DNS messages: a query made, an answer read (RFC 1035, 6891). Pure; what cannot be read is `undefined`, never an exception.
 */
// @ts-types="npm:@types/dns-packet@^5.6.5"
import packet from "dns-packet";
import { Buffer } from "node:buffer";
import type { Bytes } from "../base/bytes.ts";
import { latin1Decode } from "../base/bytes.ts";
import { isIpLiteral, normalizeIp } from "../base/ip.ts";
import type { DnsAnswer, DnsRecords, RecordType } from "./types.ts";

/** What fits into one unfragmented datagram everywhere (DNS flag day 2020). */
const UDP_SIZE = 1232;
const RECURSION_DESIRED = 1 << 8;
const AUTHENTIC_DATA = 1 << 5;
const DNSSEC_OK = 1 << 15;
const ALIASES = 16;
/** An answer without SOA is kept so many seconds. */
const NEGATIVE_TTL = 60;

const EDNS = {
  type: "OPT" as const,
  name: ".",
  udpPayloadSize: UDP_SIZE,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: DNSSEC_OK,
  flag_do: true,
  options: [],
};

/** `edns`: false for servers that do not know EDNS (RFC 6891 §7). */
export function encodeQuery(id: number, name: string, type: RecordType, edns = true): Bytes {
  const query = packet.encode({
    type: "query",
    id,
    // RFC 6840 §5.7: AD in a query asks for AD in the answer.
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ type: type as never, name: name === "" ? "." : name }],
    additionals: edns ? [EDNS] : [],
  });
  return new Uint8Array(query);
}

const MISUNDERSTOOD: ReadonlySet<string> = new Set(["FORMERR", "NOTIMP"]);

export interface Received<T extends RecordType> {
  /** Cut off: ask again over TCP. */
  readonly truncated: boolean;
  /** The server makes nothing of the question; perhaps it does without EDNS. */
  readonly misunderstood: boolean;
  readonly answer: DnsAnswer<T>;
}

/** Undefined when it is no answer to this question: another id, name or type, a query, or not to be read at all. */
export function decodeAnswer<T extends RecordType>(
  bytes: Uint8Array,
  id: number,
  name: string,
  type: T,
): Received<T> | undefined {
  let message: packet.DecodedPacket;
  try {
    message = packet.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
  // The package reads on past the end of a message that was cut.
  if ((packet.decode as { bytes?: number }).bytes! > bytes.length) return undefined;
  const question = message.questions?.[0];
  if (message.id !== id || message.type !== "response") return undefined;
  const misunderstood = MISUNDERSTOOD.has(String((message as { rcode?: string }).rcode));
  // Who cannot read the question need not repeat it.
  const isBare = misunderstood && question === undefined;
  if (!isBare && (question?.type !== type || plainName(question.name) !== name)) return undefined;
  return { truncated: message.flag_tc, misunderstood, answer: answerOf(message, name, type) };
}

function answerOf<T extends RecordType>(message: packet.DecodedPacket, name: string, type: T): DnsAnswer<T> {
  const rcode = String((message as { rcode?: string }).rcode);
  const authentic = message.flag_ad;
  if (rcode === "NXDOMAIN") return { kind: "nxdomain", ttl: negativeTtl(message), authentic };
  if (rcode !== "NOERROR") {
    const reason = rcode === "SERVFAIL" ? "servfail" : rcode === "REFUSED" ? "refused" : "other";
    return { kind: "failed", reason, detail: `${rcode} for ${type} ${name}` };
  }
  // The chain of aliases comes in the same answer (RFC 1034 §4.3.2); its TTL counts too.
  let owner = name;
  let ttl = Infinity;
  for (let hop = 0; type !== "CNAME"; hop++) {
    const alias = message.answers?.find((answer) => answer.type === "CNAME" && plainName(answer.name) === owner);
    if (alias === undefined) break;
    // RFC 1034 §3.6.2: a loop is an error, and none that mail should bounce for.
    if (hop === ALIASES) return { kind: "failed", reason: "malformed", detail: `aliases of ${name} lead nowhere` };
    owner = plainName((alias as { data: string }).data);
    ttl = Math.min(ttl, ttlOf(alias));
  }
  const records: DnsRecords[T][] = [];
  for (const answer of message.answers ?? []) {
    if (answer.type !== type || plainName(answer.name) !== owner) continue;
    const record = READ[type]((answer as { data: unknown }).data);
    if (record === undefined) {
      return { kind: "failed", reason: "malformed", detail: `unreadable ${type} record for ${name}` };
    }
    records.push(record as DnsRecords[T]);
    ttl = Math.min(ttl, ttlOf(answer));
  }
  if (records.length === 0) return { kind: "nodata", ttl: Math.min(ttl, negativeTtl(message)), authentic };
  return { kind: "records", records, ttl, authentic };
}

/** RFC 2308 §5: the lesser of the SOA's own TTL and its minimum. */
function negativeTtl(message: packet.DecodedPacket): number {
  const soa = message.authorities?.find((answer) => answer.type === "SOA");
  if (soa === undefined) return NEGATIVE_TTL;
  return Math.min(ttlOf(soa), (soa as { data: { minimum?: number } }).data.minimum ?? NEGATIVE_TTL);
}

/** RFC 2181 §8: a TTL with its highest bit set is zero. */
function ttlOf(answer: object): number {
  const ttl = (answer as { ttl?: number }).ttl ?? 0;
  return ttl >= 0 && ttl <= 0x7fff_ffff ? ttl : 0;
}

/** Lower case, no trailing dot; the root is "". */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

type Read<T extends RecordType> = (data: any) => DnsRecords[T] | undefined;
const nameOf = (data: unknown) => typeof data === "string" ? plainName(data) : undefined;
const addressOf = (data: unknown) => typeof data === "string" && isIpLiteral(data) ? normalizeIp(data) : undefined;

const READ: { readonly [T in RecordType]: Read<T> } = {
  A: addressOf,
  // An IPv4-mapped one is left in its clothes: it came as IPv6.
  AAAA: (data) => addressOf(data) === undefined ? undefined : String(data),
  CNAME: nameOf,
  NS: nameOf,
  PTR: nameOf,
  MX: (data) =>
    typeof data?.exchange === "string"
      ? { preference: data.preference ?? 0, exchange: plainName(data.exchange) }
      : undefined,
  TXT: (data) => {
    const parts: unknown[] = Array.isArray(data) ? data : [data];
    return parts.map((part) => typeof part === "string" ? part : latin1Decode(part as Uint8Array)).join("");
  },
  SRV: (data) =>
    typeof data?.target === "string"
      ? { priority: data.priority ?? 0, weight: data.weight ?? 0, port: data.port, target: plainName(data.target) }
      : undefined,
  TLSA: (data) =>
    data?.certificate instanceof Uint8Array
      ? {
        usage: data.usage,
        selector: data.selector,
        matchingType: data.matchingType,
        certificate: new Uint8Array(data.certificate),
      }
      : undefined,
};
