/** Deno's error classes for the faults of node:fs that the house tells apart. */
export class NotFound extends Error {
  override readonly name = "NotFound";
  readonly code = "ENOENT";
}
export class AlreadyExists extends Error {
  override readonly name = "AlreadyExists";
  readonly code = "EEXIST";
}

/** Runs a call of node:fs and gives its faults the classes above. */
export function translated<R>(call: () => R): R {
  try {
    return call();
  } catch (reason) {
    const { code, message } = reason as { code?: string; message: string };
    if (code === "ENOENT") throw new NotFound(message, { cause: reason });
    if (code === "EEXIST") throw new AlreadyExists(message, { cause: reason });
    throw reason;
  }
}
