/**
 * What the queue throws when it cannot do what was asked. The client hears 451 or 452; `cause` says what the disk said.
 */
export type QueueFault = "disk-full" | "disk-fault" | "stopped";

export class QueueError extends Error {
  override readonly name = "QueueError";
  readonly fault: QueueFault;

  constructor(fault: QueueFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }

  /** Names a disk's error: full, or anything else. An error that is ours already passes through. */
  static of(cause: unknown, doing: string): QueueError {
    if (cause instanceof QueueError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const fault = isDiskFull(cause) ? "disk-full" : "disk-fault";
    return new QueueError(fault, `Cannot ${doing}: ${reason}`, { cause });
  }
}

/** No space left, or the quota used up. */
function isDiskFull(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  return typeof message === "string" && /ENOSPC|EDQUOT|no space left|quota exceeded|os error (28|122)/i.test(message);
}
