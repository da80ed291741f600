/** A worker's end of the desk where keys of submissions are claimed (`key_desk.ts`). */
import type { Claim, KeyClaims } from "../../queue/claims.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { Questions } from "./questions.ts";

export class Claims implements KeyClaims {
  readonly #post: (message: FromWorker) => void;
  readonly #questions = new Questions<Claim>();

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  claim(key: string): Promise<Claim> {
    return this.#questions.ask((id) => this.#post({ kind: "claim", id, key }));
  }

  end(key: string): void {
    this.#post({ kind: "unclaim", key });
  }

  hear({ id, claim, fault }: Extract<ToWorker, { kind: "claimed" }>): void {
    this.#questions.hear(id, claim, fault);
  }
}
