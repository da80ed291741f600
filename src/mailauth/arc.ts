/**
 * ARC (RFC 8617): what those who forwarded a message say they had found, sealed one over the other.
 *
 * {@linkcode verifyArc} says whether the seals hold, {@linkcode sealArc} makes the three fields of the next one. Neither changes the
 * message. Rejects only when `signal` is aborted, or, when sealing, for names and messages that cannot be signed (TypeError).
 */
import { latin1Decode, utf8Encode } from "../base/bytes.ts";
import type { Message } from "../mail/message.ts";
import type { DkimKey } from "./dkim_key.ts";
import { chosen, namesOf, signatureField, SIGNED_HEADERS, tagName } from "./dkim_sign.ts";
import { readThrough, type VerifyOptions } from "./dkim_verify.ts";
import { hashMessage } from "./hash_message.ts";
import { PARTS } from "./package.ts";
import { fieldsOf, relaxed, type SignedField } from "./relaxed.ts";

export interface ArcFinding {
  readonly result: "none" | "pass" | "fail" | "temperror";
  /** The newest set; 0 without one. */
  readonly instance: number;
  /** Who sealed last (d=); "" when nobody did, or when it does not hold. */
  readonly sealer: string;
  /** What the last sealer had found of DMARC, when it said so and the chain holds. */
  readonly dmarc?: string;
  readonly reason: string;
}

const FIELDS = ["arc-authentication-results", "arc-message-signature", "arc-seal"];
/** RFC 8617 §4.2.1 */
const MOST_SETS = 50;

export async function verifyArc(message: Message, options: VerifyOptions): Promise<ArcFinding> {
  if (!FIELDS.some((name) => message.header.has(name))) return { result: "none", instance: 0, sealer: "", reason: "" };
  const { verifier, face } = await readThrough(message, options);
  const arc = await PARTS.arc();
  const { status, i, signature, authenticationResults } = await arc(verifier.arc, {
    resolver: face.resolve,
    strict: true,
  });
  options.signal?.throwIfAborted();
  const instance = typeof i === "number" ? i : 0;
  if (status.result === "pass") {
    const dmarc = authenticationResults?.dmarc?.result;
    const sealer = (signature || undefined)?.signingDomain ?? "";
    return { result: "pass", instance, sealer, ...(dmarc === undefined ? {} : { dmarc }), reason: "" };
  }
  // The package calls every fault final; a key that nobody could look up is none.
  const isTemporary = status.result === "fail" && face.failures.length > 0;
  const reason = isTemporary ? face.failures.join("; ") : status.comment || "";
  const result = isTemporary ? "temperror" : status.result === "none" ? "none" : "fail";
  return { result, instance, sealer: "", reason };
}

export interface SealOptions {
  readonly key: DkimKey;
  readonly domain: string;
  readonly selector: string;
  /** What we found, as in Authentication-Results: our name and the results, `;` between them. */
  readonly results: string;
  /** What {@linkcode verifyArc} said of the chain that is there. */
  readonly chain: ArcFinding["result"];
  /** Epoch milliseconds. */
  readonly now: number;
  readonly headers?: readonly string[];
  readonly signal?: AbortSignal;
}
export interface ArcSet {
  readonly instance: number;
  /** Name and value, in the order in which to put them in front of the message: the seal comes to stand on top. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The next set; undefined when there can be none (the chain was declared broken, is too long, or nobody could check it). */
export async function sealArc(message: Message, options: SealOptions): Promise<ArcSet | undefined> {
  const { key, chain, now, signal } = options;
  if (chain === "temperror") return undefined;
  const { header, bodyHash } = await hashMessage(message.open(), "relaxed", signal);
  const fields = fieldsOf(header);
  const sets = earlierSets(fields);
  const instance = sets.length === 0 ? 1 : Math.max(...sets.map((set) => set.instance)) + 1;
  // RFC 8617 §5.1 steps 2 and 3.
  if (instance > MOST_SETS || sets.some(({ seal }) => /;\s*cv\s*=\s*fail/i.test(`;${seal}`))) return undefined;

  const verdict = chain === "none" ? "none" : chain;
  if ((verdict === "none") !== (instance === 1)) return undefined;
  const names = (options.headers ?? [...SIGNED_HEADERS, "DKIM-Signature"]).filter((name) => !NEVER_SIGNED.test(name));
  const signed = chosen(fields, names);
  const common = `d=${tagName(options.domain)}; s=${tagName(options.selector)}; t=${Math.floor(now / 1000)}`;

  const results = `i=${instance}; ${options.results}`;
  const signature = await signatureField(
    "ARC-Message-Signature",
    [
      `i=${instance}; a=${key.algorithm}; c=relaxed/relaxed; ${common}`,
      `h=${namesOf(signed)}`,
      `bh=${bodyHash}`,
    ],
    signed.map(({ line }) => relaxed(line)),
    key,
    signal,
  );
  // §5.1.1: all sets from the first on; §5.1.2: once it is broken, only our own.
  const sealed = [
    ...(verdict === "fail" ? [] : sets.flatMap(({ lines }) => lines)),
    `ARC-Authentication-Results: ${latin1Decode(utf8Encode(results))}`,
    `ARC-Message-Signature: ${signature}`,
  ];
  const seal = await signatureField(
    "ARC-Seal",
    [`i=${instance}; a=${key.algorithm}; cv=${verdict}; ${common}`],
    sealed.map(relaxed),
    key,
    signal,
  );
  return {
    instance,
    fields: [["ARC-Authentication-Results", results], ["ARC-Message-Signature", signature], ["ARC-Seal", seal]],
  };
}

/** RFC 8617 §4.1.2 */
const NEVER_SIGNED = /^(?:arc-.*|authentication-results)$/i;

interface EarlierSet {
  readonly instance: number;
  readonly seal: string;
  /** Results, signature, seal: the order in which seals cover them. */
  readonly lines: readonly string[];
}

function earlierSets(fields: readonly SignedField[]): EarlierSet[] {
  const sets = new Map<number, Map<string, string>>();
  for (const { key, line } of fields) {
    if (!FIELDS.includes(key)) continue;
    const instance = Number(/[:;]\s*i\s*=\s*(\d{1,2})\s*;/i.exec(line.slice(key.length))?.[1] ?? 0);
    const set = sets.get(instance) ?? new Map();
    sets.set(instance, set.set(key, line));
  }
  return [...sets].sort(([a], [b]) => a - b).map(([instance, set]) => ({
    instance,
    seal: set.get("arc-seal")?.replace(/^[^:]*:/, "") ?? "",
    lines: FIELDS.map((name) => set.get(name) ?? ""),
  }));
}
