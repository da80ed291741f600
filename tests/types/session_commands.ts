/** What must not compile: a row that reads what its phases do not have, and a table that forgets a verb. */
import type { COMMANDS } from "../../src/session/commands.ts";
import type { At, Phase } from "../../src/session/phase.ts";
import type { Verb } from "../../src/wire/command.ts";

// @ts-expect-error there is no transaction before MAIL
export const before = (phase: At<"ready">) => phase.transaction;
export const after = (phase: At<"mail" | "rcpt">) => phase.transaction.sender;
// @ts-expect-error only a refused session has a reply to repeat
export const repeat = (phase: At<"rcpt">) => phase.reply;
// @ts-expect-error a phase has to be told apart first
export const unknown = (phase: Phase) => phase.transaction;

export const whole: Verb extends keyof typeof COMMANDS ? true : false = true;
// @ts-expect-error a table without a row for QUIT is not whole
export const torn: Verb extends Exclude<keyof typeof COMMANDS, "QUIT"> ? true : false = true;
