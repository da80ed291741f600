/** What a Haraka plugin says with `next(code, message)`, as a verdict of ours: by the hook it says it at (spec 01 §7.4, 02 §4.1). */
import { HOOK_RULES } from "../rules.ts";
import { answer, defer, deny, hangUp, ok, type RefusalOptions } from "../verdict.ts";
import type { ConnectionFace } from "./connection.ts";
import { type CodeName, codeName } from "./constants.ts";
import { isDsn } from "./dsn.ts";

type AnyVerdict = object | undefined;

/** Undefined: carry on. An unknown code counts as one that says nothing, as it always did. */
export function verdictOf(hook: string, code: unknown, message: unknown, connection?: ConnectionFace): AnyVerdict {
  const said: CodeName = code ? codeName(code as number) ?? "CONT" : "CONT";
  const own = OWN[hook]?.(said, message, connection);
  if (own !== undefined) return own === "nothing" ? undefined : own;
  if (connection?.closes) return hangUp();
  const rule = HOOK_RULES[hook as keyof typeof HOOK_RULES];
  switch (said) {
    case "OK":
      return rule?.ok ? ok(worded(message)) : undefined;
    case "DENY":
    case "DENYSOFT":
    case "DENYDISCONNECT":
    case "DENYSOFTDISCONNECT":
      return rule?.replies === undefined ? undefined : refusal(said, message);
    default:
      return undefined;
  }
}

/** Hooks whose codes mean something of their own. */
const OWN: {
  readonly [hook: string]: (said: CodeName, message: unknown, connection?: ConnectionFace) => AnyVerdict | "nothing";
} = {
  lookup_rdns: (said, message) =>
    said === "OK" ? answer(worded(message) || "Unknown") : said === "DISCONNECT" ? hangUp() : undefined,
  connect: (said) => said === "DISCONNECT" ? hangUp() : undefined,
  rcpt: (said, message) => said === "DISCONNECT" ? deny(text(message)) : undefined,
  quit: (_said, message) => message ? ok(worded(message)) : "nothing",
  log: (said) => said === "CONT" ? "nothing" : ok(),
  unrecognized_command(said, message, connection) {
    if (said === "NEXT_HOOK") return answer({ run: String(message) });
    const reply = connection?.said;
    if (said !== "OK") return undefined;
    if (reply !== undefined) return answer(reply);
    // Nothing was said: a command must have its answer all the same.
    return answer({ code: 250, text: worded(message) ?? "OK" });
  },
  get_mx: (said, message) => said === "OK" ? answer(message) : undefined,
  send_email: (said, message) => said === "DELAY" ? answer(Number(message)) : "nothing",
  deferred: (said, message) => said === "CONT" ? "nothing" : said === "DENYSOFT" ? answer(Number(message)) : ok(),
  bounce: (said) => said === "CONT" ? "nothing" : ok(),
};

function refusal(said: "DENY" | "DENYSOFT" | "DENYDISCONNECT" | "DENYSOFTDISCONNECT", message: unknown): AnyVerdict {
  const options: { -readonly [K in keyof RefusalOptions]: RefusalOptions[K] } = {};
  if (said.endsWith("DISCONNECT")) options.hangUp = true;
  if (isDsn(message)) {
    options.code = message.code;
    options.enhanced = `${message.cls}.${message.sub}.${message.det}`;
  }
  const say = said.startsWith("DENYSOFT") ? defer : deny;
  return say(text(isDsn(message) ? message.msg : message), options);
}

/** LF separates lines; blank ones are dropped. */
function text(message: unknown): string | readonly string[] | undefined {
  if (message === undefined || message === null || message === "") return undefined;
  if (message instanceof Error) return message.message;
  const lines = (Array.isArray(message) ? message.map(String) : [String(message)])
    .flatMap((line) => line.split(/\r?\n/)).filter((line) => line !== "");
  return lines.length === 1 ? lines[0] : lines;
}

function worded(message: unknown): string | undefined {
  const lines = text(isDsn(message) ? message.msg : message);
  return typeof lines === "string" ? lines : lines?.join(" ");
}

/** The code that a refusal of anybody's stands for, for the `deny` hook. */
export function codeOf(refused: { readonly kind: string; readonly hangUp?: boolean }): CodeName {
  if (refused.kind === "hangUp") return "DENYDISCONNECT";
  if (refused.kind === "deny") return refused.hangUp ? "DENYDISCONNECT" : "DENY";
  return refused.hangUp ? "DENYSOFTDISCONNECT" : "DENYSOFT";
}
