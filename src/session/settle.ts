/** What a refusal comes to: its rule's row with the verdict's own parts laid over it. */
import { refusalReply, type RefusingRule } from "../hooks/rules.ts";
import type { Aftermath } from "../hooks/rules.ts";
import type { Refusal, ReplyParts } from "../hooks/verdict.ts";
import type { Reply } from "../wire/reply.ts";
import { about } from "./texts.ts";

export interface Settled {
  readonly reply: Reply;
  /** Hang up behind the reply. */
  readonly close: boolean;
  readonly then: Aftermath;
}

/**
 * `subject` goes where the row's text says `%s`; `mark` behind the text a verdict brought (the id, for queue hooks). A fault of a hook
 * always shows `id`, under which the log has the reason.
 */
export function settle(rule: RefusingRule, refusal: Refusal, subject: string, id: string, mark = ""): Settled {
  const row = refusalReply(rule, refusal);
  const parts: ReplyParts = refusal.kind === "hangUp" ? {} : refusal.reply;
  const code = parts.code ?? row.code;
  const [ownStatus, text] = parts.text === undefined ? [undefined, row.text] : split(parts.text);
  const enhanced = parts.enhanced ?? ownStatus ?? inClass(row.enhanced, code);
  const reply: Reply = about(enhanced === undefined ? { code, text } : { code, enhanced, text }, subject);
  return {
    reply: parts.text === undefined ? reply : withId(reply, parts.text === rule.replies.fault.text ? id : mark),
    close: row.close,
    then: rule.then,
  };
}

function withId(reply: Reply, id: string): Reply {
  return id === "" ? reply : marked(reply, id);
}

/** `text (mark)`, on the last line. */
export function marked(reply: Reply, mark: string): Reply {
  const lines = typeof reply.text === "string" ? [reply.text] : [...reply.text];
  lines.push(`${lines.pop() ?? ""} (${mark})`.trimStart());
  return { ...reply, text: lines.length === 1 ? lines[0]! : lines };
}

const STATUS = /^([245]\.\d{1,3}\.\d{1,3}) +/;

/** Haraka's DSN texts carry their status in front. */
function split(text: string | readonly string[]): [status: string | undefined, text: string | readonly string[]] {
  if (typeof text !== "string") return [undefined, text];
  const match = STATUS.exec(text);
  return match === null ? [undefined, text] : [match[1], text.slice(match[0].length)];
}

/** RFC 3463 §3.1: the class of a status is that of its reply. */
function inClass(enhanced: string | undefined, code: number): string | undefined {
  return enhanced === undefined ? undefined : `${Math.floor(code / 100)}${enhanced.slice(1)}`;
}
