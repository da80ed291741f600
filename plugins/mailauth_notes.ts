/** What the plugins spf, dkim, dmarc and arc have in common: how they leave results for Authentication-Results, and how long they wait. */
import { type Clock, deadline, type Notes, type Resolver } from "kasi";

const NOTE = "authentication_results";

/** RFC 8601 §2.2: one result, e.g. `spf=pass smtp.mailfrom=example.com`. */
export function noteResult(notes: Notes, result: string): void {
  notes.set(NOTE, [...notedResults(notes), result]);
}

export function notedResults(notes: Notes): readonly string[] {
  const results = notes.get(NOTE);
  return Array.isArray(results) ? results.map(String) : [];
}

/** A property's value (RFC 8601 §2.2): a token or an address as it is, anything else quoted. */
export function property(value: string): string {
  if (/^[\w!#$%&'*+\-./^`{|}~@:]+$/.test(value)) return value;
  // deno-lint-ignore no-control-regex
  return `"${value.replace(/[\x00-\x1f\x7f]/g, " ").replace(/["\\]/g, "\\$&")}"`;
}

/** A comment without anything that could end it. */
export function comment(text: string): string {
  // deno-lint-ignore no-control-regex
  return text === "" ? "" : ` (${text.replace(/[()\\\x00-\x1f\x7f]/g, " ").slice(0, 200)})`;
}

interface Wait {
  readonly clock: Clock;
  readonly seconds: number;
  readonly what: string;
  readonly signal: AbortSignal;
}

/** What `ask` says within the time; "late" when time is up. Rejects when `signal` is aborted. */
export async function inTime<T>(
  { clock, seconds, what, signal }: Wait,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T | "late"> {
  const limit = deadline(clock, seconds * 1000, what, signal);
  try {
    return await ask(limit.signal);
  } catch (fault) {
    if (!limit.signal.aborted || signal.aborted) throw fault;
    return "late";
  } finally {
    limit.end();
  }
}

/** The same resolver, with no look-up longer than so many seconds: a late one has failed. */
export function hurried(resolver: Resolver, clock: Clock, seconds: number): Resolver {
  return {
    async resolve(name, type, options) {
      const signal = options?.signal ?? new AbortController().signal;
      const wait = { clock, seconds, what: `${type} ${name}`, signal };
      const answer = await inTime(wait, (signal) => resolver.resolve(name, type, { signal }));
      return answer === "late" ? { kind: "failed", reason: "timeout", detail: `none within ${seconds} s` } : answer;
    },
  };
}
