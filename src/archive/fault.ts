/** Why an archive, or a member of one, cannot be looked into. */

/**
 * `damaged`: it is not what its format says (cut off, or it contradicts itself). `unknown`: a format or a way of compressing that we do not read.
 * `encrypted`: not without a password.
 */
export type FaultKind = "damaged" | "unknown" | "encrypted";

/** Thrown by readers of a format; whoever goes through an archive catches it and looks at what is left. */
export class ArchiveFault extends Error {
  override readonly name = "ArchiveFault";
  readonly kind: FaultKind;
  constructor(kind: FaultKind, what: string, cause?: unknown) {
    super(what, { cause });
    this.kind = kind;
  }
}

export function damaged(what: string, cause?: unknown): ArchiveFault {
  return new ArchiveFault("damaged", what, cause);
}
