/**
 * Passwords kept as hashes, in the forms other software writes: scrypt and argon2 (PHC strings), bcrypt (`$2a$`, `$2b$`, `$2y$`).
 *
 * scrypt is done by the runtime beside our thread, two at a time. argon2 and bcrypt are WebAssembly and hold it: one at a time, and behind
 * each the thread is free for as long as it was held. A hash whose work would take longer than about a second, or more than 256 MiB, is
 * none that we would check: {@linkcode passwordHashFault} says so beforehand.
 */
import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { type Bytes, utf8Encode } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { HashQueue } from "./hash_queue.ts";

export const HASH_KINDS = ["argon2", "scrypt", "bcrypt"] as const;
export type HashKind = typeof HASH_KINDS[number];

/** What a hash is compared with: octets made of the password in the same way. */
interface Parsed {
  readonly hash: Uint8Array;
  readonly queue: HashQueue;
  make(password: Bytes): Promise<Uint8Array>;
}
/** A sentence: what is wrong with it. */
type Read = (text: string) => Parsed | string;

const BESIDE = new HashQueue(systemClock, { most: 2, yielding: false });
const ON_THREAD = new HashQueue(systemClock, { most: 1, yielding: true });

const MOST_MEMORY = 256 * 1024 * 1024;
/** Kibibytes times passes; a million of them are about two seconds. */
const MOST_ARGON2_WORK = 512 * 1024;
const MOST_SCRYPT_WORK = 4 * 1024 * 1024;
const MOST_BCRYPT_COST = 14;
/** bcrypt knows no more of a password. */
const BCRYPT_OCTETS = 72;
const TOO_COSTLY = "asks for more work than a password may take here";

/** Whether the text means to be a hash, well-formed or not. */
export function looksLikePasswordHash(text: string): boolean {
  return /^\$(?:argon2(?:id|i|d)|scrypt|2[abxy])\$/.test(text);
}

/** Why nobody can be let in by this hash, in a few words; `undefined` when all is well. Costs nothing. */
export function passwordHashFault(written: string): string | undefined {
  const read = reading(written);
  return typeof read === "string" ? read : undefined;
}

/**
 * Whether the password is the one of the hash; compared in constant time. A hash with a fault, and the empty password, fit nothing: false. Waits for
 * its turn, and rejects with the signal's reason when that is aborted meanwhile.
 */
export async function verifyPassword(password: string, written: string, signal?: AbortSignal): Promise<boolean> {
  const read = reading(written);
  if (typeof read === "string") return false;
  const octets = utf8Encode(password);
  const made = await read.queue.run(() => read.make(octets.length === 0 ? utf8Encode("\0") : octets), signal);
  return timingSafeEqual(made, read.hash) && octets.length > 0;
}

/** A new hash under a salt of its own. Throws RangeError for an empty password, and for one that bcrypt would cut off. */
export async function hashPassword(password: string, kind: HashKind = "argon2", signal?: AbortSignal): Promise<string> {
  const octets = utf8Encode(password);
  if (octets.length === 0) throw new RangeError("The password is empty");
  return await NEW[kind](octets, signal);
}

const NEW: { readonly [K in HashKind]: (password: Bytes, signal: AbortSignal | undefined) => Promise<string> } = {
  async argon2(password, signal) {
    const { argon2id } = await import("hash-wasm");
    // OWASP's first choice of parameters: 19 MiB, two passes.
    const options = { password, salt: randomBytes(16), iterations: 2, parallelism: 1, memorySize: 19_456 };
    return await ON_THREAD.run(() => argon2id({ ...options, hashLength: 32, outputType: "encoded" }), signal);
  },
  async scrypt(password, signal) {
    const [salt, ln] = [randomBytes(16), 15];
    const hash = await BESIDE.run(() => deriveScrypt(password, { salt, N: 2 ** ln, r: 8, p: 1, octets: 32 }), signal);
    return `$scrypt$ln=${ln},r=8,p=1$${unpadded(salt)}$${unpadded(hash)}`;
  },
  async bcrypt(password, signal) {
    if (password.length > BCRYPT_OCTETS) {
      throw new RangeError(`bcrypt knows ${BCRYPT_OCTETS} octets of a password only`);
    }
    const { bcrypt } = await import("hash-wasm");
    const options = { password, salt: randomBytes(16), costFactor: 11, outputType: "encoded" } as const;
    // hash-wasm writes $2a$; the newest sign of the same is understood by everybody.
    return (await ON_THREAD.run(() => bcrypt(options), signal)).replace(/^\$2a/, "$2b");
  },
};

function reading(written: string): Parsed | string {
  const read = written.startsWith("$scrypt$") ? readScrypt : written.startsWith("$argon2") ? readArgon2 : readBcrypt;
  return read(written);
}

const readScrypt: Read = (text) => {
  const found = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([\w+/.-]+={0,2})\$([\w+/.-]+={0,2})$/.exec(text);
  if (found === null) return "is not of the form $scrypt$ln=,r=,p=$salt$hash";
  const [ln, r, p] = [found[1], found[2], found[3]].map(Number) as [number, number, number];
  const [salt, hash] = [fromBase64(found[4]!), fromBase64(found[5]!)];
  const N = 2 ** ln;
  if (ln < 1 || r < 1 || p < 1 || hash.length < 16 || hash.length > 128) return "has parameters that scrypt has not";
  if (128 * N * r > MOST_MEMORY || N * r * p > MOST_SCRYPT_WORK) return TOO_COSTLY;
  return { hash, queue: BESIDE, make: (password) => deriveScrypt(password, { salt, N, r, p, octets: hash.length }) };
};

const readArgon2: Read = (text) => {
  const found = /^\$argon2(id|i|d)\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,3})\$([\w+/]+={0,2})\$([\w+/]+={0,2})$/.exec(
    text,
  );
  if (found === null) return "is not of the form $argon2id$v=19$m=,t=,p=$salt$hash";
  const [memorySize, iterations, parallelism] = [found[2], found[3], found[4]].map(Number) as [number, number, number];
  const [salt, hash] = [fromBase64(found[5]!), fromBase64(found[6]!)];
  // RFC 9106 §3.1.
  if (iterations < 1 || parallelism < 1 || memorySize < 8 * parallelism || salt.length < 8) {
    return "has parameters that argon2 has not";
  }
  if (hash.length < 16 || hash.length > 128) return "has a hash of no known length";
  if (memorySize * 1024 > MOST_MEMORY || memorySize * iterations > MOST_ARGON2_WORK) return TOO_COSTLY;
  return {
    hash,
    queue: ON_THREAD,
    async make(password) {
      const { argon2d, argon2i, argon2id } = await import("hash-wasm");
      const derive = { id: argon2id, i: argon2i, d: argon2d }[found[1] as "id" | "i" | "d"];
      const options = { password, salt, iterations, parallelism, memorySize, hashLength: hash.length };
      return await derive({ ...options, outputType: "binary" });
    },
  };
};

const readBcrypt: Read = (text) => {
  // $2x$ is a fault of an old implementation, not a form of bcrypt.
  const found = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(text);
  if (found === null) return "is not of the form $2b$cost$salt-and-hash";
  const [costFactor, salt] = [Number(found[1]), ofBcrypt(found[2]!)];
  if (costFactor < 4) return "has a cost that bcrypt has not";
  if (costFactor > MOST_BCRYPT_COST) return TOO_COSTLY;
  return {
    hash: utf8Encode(found[3]!),
    queue: ON_THREAD,
    async make(password) {
      const { bcrypt } = await import("hash-wasm");
      const heeded = password.subarray(0, BCRYPT_OCTETS);
      const encoded = await bcrypt({ password: heeded, salt, costFactor, outputType: "encoded" });
      return utf8Encode(encoded.slice(-31));
    },
  };
};

interface ScryptOptions {
  readonly salt: Uint8Array;
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly octets: number;
}

function deriveScrypt(password: Bytes, { salt, octets, ...cost }: ScryptOptions): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // Twice what the algorithm needs: the runtime counts generously.
    const maxmem = 2 * 128 * cost.N * cost.r + 1024 * 1024;
    scrypt(
      password,
      salt,
      octets,
      { ...cost, maxmem },
      (fault, made) => fault === null ? resolve(made) : reject(fault),
    );
  });
}

const fromBase64 = (text: string): Uint8Array => Buffer.from(text.replaceAll(".", "+"), "base64");
const unpadded = (octets: Uint8Array): string => Buffer.from(octets).toString("base64").replace(/=+$/, "");

const BCRYPT_LETTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** bcrypt's base64 has an alphabet of its own. */
function ofBcrypt(text: string): Uint8Array {
  return fromBase64([...text].map((letter) => BASE64_LETTERS[BCRYPT_LETTERS.indexOf(letter)]).join(""));
}
