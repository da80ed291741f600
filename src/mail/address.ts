/**
 * An envelope address, as Haraka's users know it.
 *
 * Immutable. `host` is lower-case A-labels, `originalHost` is what was typed. Made by {@linkcode parseAddress}.
 */
export interface Address {
  /** As it came, without the angle brackets. "" for the null path. */
  readonly original: string;
  /** Local part, unquoted. "" for the null path. */
  readonly user: string;
  /** Domain in lower-case A-labels, or an address literal in brackets; "" for `<>` and `<postmaster>`. */
  readonly host: string;
  readonly originalHost: string;
  /** Whether it can only be sent with SMTPUTF8. */
  readonly isUtf8: boolean;
  /** `user@host`; "" for the null path. */
  readonly address: string;
  isNull(): boolean;
  /** `<user@host>`, `<>`. */
  toString(): string;
}
