/**
 * A worker's end of the desk where keys of submissions are claimed (`key_desk.ts`). What the main thread never answers, because it is gone, ends
 * with the worker itself.
 */
import type { Claim, KeyClaims } from "../../queue/claims.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

export class Claims implements KeyClaims {
  readonly #post: (message: FromWorker) => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<Claim>>();
  #asks = 0;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  claim(key: string): Promise<Claim> {
    const id = ++this.#asks;
    const answer = Promise.withResolvers<Claim>();
    this.#waiting.set(id, answer);
    this.#post({ kind: "claim", id, key });
    return answer.promise;
  }

  end(key: string): void {
    this.#post({ kind: "unclaim", key });
  }

  hear({ id, claim, fault }: Extract<ToWorker, { kind: "claimed" }>): void {
    const answer = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (fault === undefined) answer?.resolve(claim);
    else answer?.reject(new Error(fault));
  }
}
