/** Where queues share submissions: what stands between them, so that a key is taken once among all (`keyring.ts`). */

/** `id`: of the message that was taken under the key; without it the one who asks may take its own. */
export interface Claim {
  readonly id?: string;
}

export interface KeyClaims {
  /** Waits while another takes a message under this key. Rejects when it cannot be told: the submission is put off. */
  claim(key: string): Promise<Claim>;
  /** What became of a claim without an id is known. */
  end(key: string): void;
}
