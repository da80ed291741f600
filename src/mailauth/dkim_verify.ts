/**
 * Verifies the DKIM signatures of a message (RFC 6376, 8301, 8463) over its octets as they came in.
 *
 * The package is asked in its strict way; on top of that come Haraka's rules: no `l=`, no signature from the future. A message without
 * signatures costs a look at its header and nothing else. Rejects only when `signal` is aborted or the message cannot be read.
 */
import type { Resolver } from "../host/types.ts";
import type { Message } from "../mail/message.ts";
import { feed } from "./feed.ts";
import { type PackageSignature, type PackageVerifier, PARTS } from "./package.ts";
import { type NodeResolver, type ResolverFace, resolverFace } from "./resolver_face.ts";

/** As RFC 8601 §2.7.1 names them: `neutral` is a signature that cannot be judged, `policy` one that we do not accept. */
export type DkimResult = "pass" | "fail" | "neutral" | "policy" | "temperror";
const RESULTS: readonly DkimResult[] = ["pass", "fail", "neutral", "policy", "temperror"];

export interface DkimSignature {
  readonly result: DkimResult;
  /** d= */
  readonly domain: string;
  /** i=, or `@` and d= */
  readonly identity: string;
  /** s= */
  readonly selector: string;
  /** a= */
  readonly algorithm: string;
  /** Why not; "" when it passed. */
  readonly reason: string;
}

export interface VerifyOptions {
  readonly resolver: Resolver;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Seconds that other people's clocks may differ. Default 0. */
  readonly skewSeconds?: number;
  readonly signal?: AbortSignal;
}

/** RFC 6376 §6.1: a verifier may limit how many it tries; each costs a look-up and a pass over the body. */
export const MOST_SIGNATURES = 20;
/** RFC 8301 §3.2 */
const LEAST_RSA_BITS = 1024;

export async function verifyDkim(message: Message, options: VerifyOptions): Promise<DkimSignature[]> {
  const count = message.header.getAll("DKIM-Signature").length;
  if (count === 0) return [];
  if (count > MOST_SIGNATURES) return [tooMany(count)];
  const { verifier } = await readThrough(message, options);
  const latest = options.now + (options.skewSeconds ?? 0) * 1000;
  return verifier.results.filter(({ status }) => status.result !== "none").map((one) => finding(one, latest));
}

/** One pass of the package over a message: what it makes of the signatures, of From and of ARC. */
export async function readThrough(
  message: Message,
  { resolver, now, skewSeconds = 0, signal }: VerifyOptions,
): Promise<{ verifier: PackageVerifier; face: ResolverFace }> {
  const Verifier = await PARTS.verifier();
  const plain = resolverFace(resolver, signal);
  const face = { ...plain, resolve: oneKeyEach(plain.resolve) };
  // Signatures that ran out within the skew still hold; the ones from the future are looked at below.
  const curTime = new Date(now - skewSeconds * 1000);
  const verifier = new Verifier({
    resolver: face.resolve,
    strict: true,
    curTime,
    minBitLength: LEAST_RSA_BITS,
  });
  await feed(message.source.open(), verifier, signal);
  signal?.throwIfAborted();
  return { verifier, face };
}

/** RFC 6376 §3.6.2.2 leaves open what several records mean, and they come in any order: the verdict must not be chance. */
function oneKeyEach(resolve: NodeResolver): NodeResolver {
  return async (name, type) => {
    const records = await resolve(name, type);
    if (records.length < 2 || type !== "TXT" || !/\._domainkey\./i.test(name)) return records;
    throw Object.assign(new Error(`${name} has ${records.length} records`), { code: "EINVALIDVAL" });
  };
}

function finding(signature: PackageSignature, latest: number): DkimSignature {
  const { status, signingDomain: domain = "", selector = "", algo: algorithm = "" } = signature;
  const about = { domain, identity: status.header?.i || `@${domain}`, selector, algorithm };
  if (signature.canonBodyLengthLimited) return { ...about, result: "policy", reason: "l= leaves a part unsigned" };
  if (signature.signTime && Date.parse(signature.signTime) > latest) {
    return { ...about, result: "neutral", reason: "signed in the future" };
  }
  const result = RESULTS.find((one) => one === status.result) ?? "neutral";
  const reason = result === "pass" ? "" : status.comment || Object.values(status.policy ?? {}).join(", ") || result;
  return { ...about, result, reason };
}

function tooMany(count: number): DkimSignature {
  const reason = `${count} signatures, more than ${MOST_SIGNATURES}`;
  return { result: "policy", domain: "", identity: "", selector: "", algorithm: "", reason };
}
