/**
 * What we use of the npm package `mailauth`, typed, and loaded when it is first needed: a server without these checks does not pay
 * for it. The deep paths leave out what we have no use for (its command line, BIMI, MTA-STS, HTTP).
 */
import type { NodeResolver } from "./resolver_face.ts";

/** A stream of Node's, as much of it as we touch. */
export interface ByteSink {
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean;
  end(done: (error?: Error | null) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

export interface PackageStatus {
  readonly result: string;
  readonly comment?: string | false;
  readonly header?: { readonly i?: string; readonly d?: string; readonly from?: string };
  readonly policy?: { readonly [rule: string]: string };
  readonly testing?: boolean;
}

export interface PackageSignature {
  readonly status: PackageStatus;
  readonly signingDomain?: string;
  readonly selector?: string;
  readonly algo?: string;
  readonly signTime?: string | null;
  readonly canonBodyLengthLimited?: boolean;
}

export interface PackageVerifier extends ByteSink {
  readonly results: readonly PackageSignature[];
  /** Addresses of the From fields. */
  readonly headerFrom: readonly string[];
  /** How many From fields there are. */
  readonly fromFields: number;
  /** What it does once it has read a header: all that {@linkcode headerFrom} needs. Not together with `write`. */
  messageHeaders(headers: PackageHeaders): Promise<unknown>;
  /** For {@linkcode PackageArc}; nobody else looks into it. */
  readonly arc: object;
}
/** A header as the package reads it; nobody else looks into it. */
export type PackageHeaders = object;
interface VerifierOptions {
  readonly resolver: NodeResolver;
  readonly strict: boolean;
  readonly curTime: Date;
  readonly minBitLength: number;
}

export interface PackageSpf {
  readonly status: PackageStatus;
  readonly domain: string;
  readonly rr?: string;
  readonly explanation?: string;
}

export interface PackageDmarc {
  readonly status: PackageStatus;
  readonly domain: string;
  readonly policyDomain?: string;
  readonly policy?: "none" | "quarantine" | "reject";
  readonly testMode?: boolean;
  readonly rr?: string;
  readonly error?: string;
  readonly alignment?: { readonly spf: { readonly result?: string }; readonly dkim: { readonly result?: string } };
}

export interface PackageArc {
  readonly status: PackageStatus;
  readonly i?: number | false;
  readonly signature?: PackageSignature | false;
  readonly authenticationResults?: {
    readonly mta?: string;
    readonly dmarc?: { readonly result?: string };
  };
}

export interface BodyHash {
  update(chunk: Uint8Array): void;
  digest(encoding: "base64"): string;
}

type Verifier = new (options: VerifierOptions) => PackageVerifier;
/** It asks a Buffer of Node's for its octets as characters, and for nothing else. */
type ParseHeaders = (octets: { toString(encoding: "binary"): string }) => PackageHeaders;
type Spf = (question: object) => Promise<PackageSpf>;
type Dmarc = (question: object) => Promise<PackageDmarc | false>;
type Arc = (data: object, options: object) => Promise<PackageArc>;
type NewBodyHash = (canonicalization: "simple" | "relaxed", hash: "sha256") => BodyHash;

/** A look-up of a module that is there already costs more than most of what it is asked for. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => loaded ??= load();
}

/** The types above are what we rely on; the package's own are wider and in part missing. */
export const PARTS = {
  verifier: once(async () => (await import("mailauth/lib/dkim/dkim-verifier.js")).DkimVerifier as unknown as Verifier),
  headers: once(async () => (await import("mailauth/lib/tools.js")).parseHeaders as unknown as ParseHeaders),
  spf: once(async () => (await import("mailauth/lib/spf/index.js")).spf as unknown as Spf),
  dmarc: once(async () => (await import("mailauth/lib/dmarc/index.js")).dmarc as unknown as Dmarc),
  arc: once(async () => (await import("mailauth/lib/arc/index.js")).arc as unknown as Arc),
  bodyHash: once(async () => (await import("mailauth/lib/dkim/body/index.js")).dkimBody as unknown as NewBodyHash),
};
