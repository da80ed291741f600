/**
 * OCSP responses to staple (RFC 6066 §8): fetched from the responder that a certificate names, kept while they hold.
 *
 * A handshake never waits for one: it gets what there is. What is due for renewal is fetched beside it; a responder that fails is told of
 * in the log and asked again after `RETRY_MS`.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import type { LoadedIdentity } from "../host/certificates.ts";
import { ocspRequest, readOcspResponse, responderOf } from "../host/ocsp.ts";
import type { Machine } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

const FETCH_MS = 10_000;
const RETRY_MS = 300_000;
/** How long an answer is good that names no end. */
const UNBOUNDED_MS = 3_600_000;
const MOST_BYTES = 65_536;

interface Kept {
  response: Bytes | undefined;
  /** When it no longer holds, and when to ask again. */
  until: number;
  renewAt: number;
}

export class Staples {
  readonly #machine: Pick<Machine, "fetch" | "clock">;
  readonly #log: Logger;
  readonly #kept = new Map<string, Kept>();
  readonly #fetching = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(machine: Pick<Machine, "fetch" | "clock">, log: Logger) {
    this.#machine = machine;
    this.#log = log;
  }

  /** The response for a certificate, DER; undefined when there is none that holds. */
  get(identity: LoadedIdentity): Bytes | undefined {
    const kept = this.#keptOf(identity);
    const now = this.#machine.clock.now();
    if (now >= kept.renewAt && !this.#stop.signal.aborted) {
      kept.renewAt = now + RETRY_MS;
      const fetching: Promise<void> = this.#renew(identity, kept).finally(() => this.#fetching.delete(fetching));
      this.#fetching.add(fetching);
    }
    return now < kept.until ? kept.response : undefined;
  }

  /** Gets responses for these, and forgets those of all others. */
  keep(identities: readonly LoadedIdentity[]): void {
    const wanted = new Set(identities.map(({ leaf }) => leaf.fingerprint256));
    for (const known of this.#kept.keys()) if (!wanted.has(known)) this.#kept.delete(known);
    for (const identity of identities) this.get(identity);
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error("The server is shutting down"));
    await Promise.all(this.#fetching);
  }

  #keptOf({ leaf }: LoadedIdentity): Kept {
    let kept = this.#kept.get(leaf.fingerprint256);
    if (kept === undefined) {
      kept = { response: undefined, until: 0, renewAt: 0 };
      this.#kept.set(leaf.fingerprint256, kept);
    }
    return kept;
  }

  async #renew({ leaf, issuer, names }: LoadedIdentity, kept: Kept): Promise<void> {
    const name = names[0] ?? leaf.subject;
    const url = responderOf(leaf);
    if (url === undefined || issuer === undefined) {
      // Nothing to be done about it: once is enough.
      kept.renewAt = Infinity;
      const lacks = url === undefined ? "names no responder" : "comes without its issuer's";
      return this.#log.notice(`No OCSP response for ${name}: the certificate ${lacks}`);
    }
    try {
      const response = await this.#ask(url, ocspRequest(leaf, issuer));
      const { status, nextUpdate } = readOcspResponse(response, leaf);
      if (status !== "good") throw new Error(`the responder says that the certificate is ${status}`);
      const now = this.#machine.clock.now();
      const until = nextUpdate ?? now + UNBOUNDED_MS;
      if (until <= now) throw new Error("the response is out of date");
      Object.assign(kept, { response, until, renewAt: now + (until - now) / 2 });
      this.#log.info(`OCSP response for ${name} is good until ${new Date(until).toISOString()}`);
    } catch (cause) {
      if (this.#stop.signal.aborted) return;
      this.#log.warn(`No OCSP response for ${name} from ${url}: ${cause instanceof Error ? cause.message : cause}`);
    }
  }

  async #ask(url: string, request: Bytes): Promise<Bytes> {
    const answer = await this.#machine.fetch(url, {
      method: "POST",
      headers: { "content-type": "application/ocsp-request", accept: "application/ocsp-response" },
      body: request,
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(FETCH_MS)]),
    });
    if (!answer.ok) {
      await answer.body?.cancel();
      throw new Error(`HTTP ${answer.status}`);
    }
    const chunks: Bytes[] = [];
    let length = 0;
    for await (const chunk of answer.body ?? []) {
      length += chunk.length;
      if (length > MOST_BYTES) throw new Error("the response has no end");
      chunks.push(chunk);
    }
    return concat(chunks);
  }
}
