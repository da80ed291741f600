/**
 * The Online Certificate Status Protocol (RFC 6960), as far as a server needs it that staples: the question about one certificate, and when
 * an answer holds. Its signature is for the client to check, who trusts it or not.
 */
import { createHash, type X509Certificate } from "node:crypto";
import type { Bytes } from "../base/bytes.ts";
import { childrenOf, type Element, element, readElement } from "./der.ts";

export interface OcspAnswer {
  readonly status: "good" | "revoked" | "unknown";
  /** Milliseconds since 1970. Without `nextUpdate` there may be news at any time. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
}

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
/** AlgorithmIdentifier of SHA-1: what all responders know (RFC 5019 §2.1.1); it names the issuer here and protects nothing. */
const SHA1 = Uint8Array.of(0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00);

/** Where to ask about the certificate (RFC 5280 §4.2.2.1); undefined when it does not say. */
export function responderOf(certificate: X509Certificate): string | undefined {
  return /^OCSP - URI:(\S+)$/m.exec(certificate.infoAccess ?? "")?.[1];
}

/** OCSPRequest for `leaf`, DER. Throws RangeError for certificates that are none. */
export function ocspRequest(leaf: X509Certificate, issuer: X509Certificate): Bytes {
  const by = fieldsOf(issuer.raw);
  // The key alone, without the count of unused bits (RFC 6960 §4.1.1).
  const key = childrenOf(issuer.raw, by.publicKey)[1]!;
  const id = element(
    SEQUENCE,
    SHA1,
    element(OCTET_STRING, sha1(whole(issuer.raw, by.subject))),
    element(OCTET_STRING, sha1(issuer.raw.subarray(key.from + 1, key.to))),
    whole(leaf.raw, fieldsOf(leaf.raw).serial),
  );
  // OCSPRequest { tbsRequest { requestList { Request { reqCert } } } }
  return element(SEQUENCE, element(SEQUENCE, element(SEQUENCE, element(SEQUENCE, id))));
}

/** What an OCSPResponse says of `leaf`. Throws an Error with the reason when it says nothing. */
export function readOcspResponse(response: Uint8Array, leaf: X509Certificate): OcspAnswer {
  const [status, bytes] = childrenOf(response, readElement(response, 0));
  const code = status === undefined ? NaN : response[status.from];
  if (code !== 0) throw new Error(`The responder refuses (status ${code})`);
  if (bytes === undefined) throw new Error("The response is empty");
  const [, octets] = childrenOf(response, childrenOf(response, bytes)[0]!);
  if (octets === undefined) throw new Error("The response is empty");
  const basic = response.subarray(octets.from, octets.to);
  const data = childrenOf(basic, readElement(basic, 0))[0]!;
  // ResponseData: version and responder have tags of their own; the first SEQUENCE is the list of answers.
  const list = childrenOf(basic, data).find(({ tag }) => tag === SEQUENCE);
  const serial = hex(whole(leaf.raw, fieldsOf(leaf.raw).serial));
  for (const single of list === undefined ? [] : childrenOf(basic, list)) {
    const [id, state, thisUpdate, next] = childrenOf(basic, single);
    const named = childrenOf(basic, id!)[3];
    if (named === undefined || hex(whole(basic, named)) !== serial) continue;
    return {
      status: STATES[state!.tag & 0x1f] ?? "unknown",
      thisUpdate: timeOf(basic, thisUpdate!),
      nextUpdate: next?.tag === 0xa0 ? timeOf(basic, childrenOf(basic, next)[0]!) : undefined,
    };
  }
  throw new Error("The response is about another certificate");
}

const STATES = ["good", "revoked", "unknown"] as const;

/** The fields of a certificate's body that matter here (RFC 5280 §4.1). */
function fieldsOf(certificate: Uint8Array): { serial: Element; subject: Element; publicKey: Element } {
  const body = childrenOf(certificate, childrenOf(certificate, readElement(certificate, 0))[0]!);
  // The version comes first, but in certificates of version 1.
  const [serial, , , , subject, publicKey] = body[0]?.tag === 0xa0 ? body.slice(1) : body;
  if (serial === undefined || subject === undefined || publicKey === undefined) throw new RangeError("No certificate");
  return { serial, subject, publicKey };
}

/** GeneralizedTime without fractions, in UTC (RFC 5280 §4.1.2.5.2). */
function timeOf(der: Uint8Array, { from, to }: Element): number {
  const text = String.fromCharCode(...der.subarray(from, to));
  const at = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (at === null) throw new Error(`The response has a date that is none: ${JSON.stringify(text)}`);
  const [, year, month, day, hour, minute, second] = at.map(Number) as [number, ...number[]];
  return Date.UTC(year!, month! - 1, day, hour, minute, second);
}

const whole = (der: Uint8Array, { start, to }: Element) => der.subarray(start, to);
const sha1 = (octets: Uint8Array) => new Uint8Array(createHash("sha1").update(octets).digest());
const hex = (octets: Uint8Array) => [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");
