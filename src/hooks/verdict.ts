/**
 * What a hook function may say. Saying nothing (`undefined`) means: carry on.
 *
 * Verdicts are values, made by {@linkcode ok}, {@linkcode answer}, {@linkcode deny}, {@linkcode defer} and {@linkcode hangUp}.
 */
import type { Reply } from "../wire/reply.ts";

/** Parts of the reply that a refusal wants to be other than the rule's. */
export type ReplyParts = {
  readonly code?: number;
  readonly enhanced?: string;
  readonly text?: string | readonly string[];
};

export type Verdict<Answer = never> =
  | { readonly kind: "ok"; readonly text?: string }
  | { readonly kind: "answer"; readonly value: Answer }
  | { readonly kind: "deny" | "defer"; readonly reply: ReplyParts; readonly hangUp?: true }
  /** Haraka's DISCONNECT: refuse with the rule's text and close. */
  | { readonly kind: "hangUp" };

export type Refusal = Extract<Verdict, { kind: "deny" | "defer" | "hangUp" }>;
export type Refuse = Refusal["kind"];
export type RefusalOptions = Partial<Pick<Reply, "code" | "enhanced">> & { readonly hangUp?: boolean };

/** Agreed, and the chain ends here. `text` replaces the reply's text where the hook has one. */
export function ok(text?: string): { readonly kind: "ok"; readonly text?: string } {
  return text === undefined || text === null ? { kind: "ok" } : { kind: "ok", text: worded(text) as string };
}
/** The value the hook asks for, e.g. the next hop at `get_mx`. */
export function answer<T>(value: T): { readonly kind: "answer"; readonly value: T } {
  return { kind: "answer", value };
}
/** No, for good (5xx). The code is the hook's own unless given. */
export function deny(
  text?: string | readonly string[],
  options: RefusalOptions = {},
): Extract<Verdict, { kind: "deny" | "defer" }> {
  return refusal("deny", text, options);
}
/** Not now (4xx). */
export function defer(
  text?: string | readonly string[],
  options: RefusalOptions = {},
): Extract<Verdict, { kind: "deny" | "defer" }> {
  return refusal("defer", text, options);
}
export function hangUp(): { readonly kind: "hangUp" } {
  return { kind: "hangUp" };
}
export function isRefusal(verdict: { readonly kind: string }): verdict is Refusal {
  return verdict.kind === "deny" || verdict.kind === "defer" || verdict.kind === "hangUp";
}

function refusal(
  kind: "deny" | "defer",
  text: string | readonly string[] | undefined,
  { hangUp, ...parts }: RefusalOptions,
) {
  const reply = text === undefined || text === null ? parts : { ...parts, text: worded(text) };
  return hangUp ? { kind, reply, hangUp: true as const } : { kind, reply };
}

/** Plain JavaScript may hand in anything, `deny(error)` above all: it must not lose its verdict over its words. */
function worded(text: unknown): string | readonly string[] {
  if (typeof text === "string") return text;
  if (Array.isArray(text)) return text.map(String);
  return text instanceof Error ? text.message : String(text);
}
