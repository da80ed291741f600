/** What a peer says, made fit for logs and reports: no control characters, and no more of it than anyone would read. */
const MOST = 512;

export function safeText(text: string, most: number = MOST): string {
  // deno-lint-ignore no-control-regex
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, "?");
  return clean.length <= most ? clean : `${clean.slice(0, most)}…`;
}

/** The reason of a failure that came as an exception. */
export function reasonOf(error: unknown): string {
  return safeText(error instanceof Error ? error.message || error.name : String(error));
}
