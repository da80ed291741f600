/** Does what a command's row says (`commands.ts`). */
import { HOOK_RULES } from "../hooks/rules.ts";
import type { HookOutcome } from "../hooks/runner.ts";
import { isRefusal } from "../hooks/verdict.ts";
import type { Command, Verb } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";
import { COMMANDS, type DecidingHook, type EventFor, type Moved } from "./commands.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Phase, PhaseName } from "./phase.ts";
import { TEXTS } from "./texts.ts";

/** A row as the machinery sees it: that verb, phase and event belong together was settled where the table was written. */
interface AnyRow {
  readonly when: readonly PhaseName[];
  readonly otherwise?: (phase: Phase, talk: Dialogue) => Reply;
  readonly last?: true;
  readonly fresh?: true;
  readonly check?: (talk: Dialogue, phase: any, command: any) => Reply | undefined;
  readonly hook?: DecidingHook;
  readonly event?: (talk: Dialogue, phase: any, command: any) => any;
  readonly subject?: (event: any) => string;
  readonly refused?: (talk: Dialogue, event: any, reply: Reply) => void;
  readonly proceed: (talk: Dialogue, second: any, third: any, phase: any) => Moved;
}

/** Whether the verb may only end a group. */
export function endsGroup(verb: Verb): boolean {
  return "last" in COMMANDS[verb];
}

/** Does what the command's row says, in the phase the dialogue is in. */
export function perform(talk: Dialogue, command: Command): Moved {
  const row: AnyRow = COMMANDS[command.verb];
  const phase = talk.phase;
  const objection = misplaced(row, phase, talk) ?? row.check?.(talk, phase, command);
  if (objection !== undefined) {
    if (countsAsError(objection)) talk.session.errors++;
    return { reply: objection, next: phase };
  }
  if (row.fresh && talk.session.transaction !== undefined) {
    const afresh = () => go(talk, row, (talk.phase = talk.rest(), talk.phase), command);
    const ended = talk.reset();
    return ended === undefined ? afresh() : ended.then(afresh);
  }
  return go(talk, row, phase, command);
}

/** What the row says of a phase it does not welcome; undefined when it does. */
export function misplaced(row: Pick<AnyRow, "when" | "otherwise">, phase: Phase, talk: Dialogue): Reply | undefined {
  if (row.when.includes(phase.at)) return undefined;
  return row.otherwise?.(phase, talk) ?? (phase.at === "bdat" ? TEXTS.chunksUnderWay : TEXTS.badSequence);
}

function go(talk: Dialogue, row: AnyRow, phase: Phase, command: Command): Moved {
  if (row.hook === undefined) return row.proceed(talk, phase, command, phase);
  const event = row.event!(talk, phase, command);
  const outcome = talk.ask(row.hook as DecidingHook, event as EventFor<DecidingHook>);
  if (!(outcome instanceof Promise)) return decide(talk, row, phase, event, outcome);
  // A command that ends its group must not keep the answers to the others waiting (RFC 2920 §3.2).
  const hurry = row.last ? talk.flush() : undefined;
  return Promise.all([outcome, hurry]).then(([heard]) => decide(talk, row, phase, event, heard));
}

function decide(talk: Dialogue, row: AnyRow, phase: Phase, event: any, outcome: HookOutcome<any>): Moved {
  const { verdict } = outcome;
  if (verdict === undefined || !isRefusal(verdict)) return row.proceed(talk, event, outcome, phase);
  const rule = HOOK_RULES[row.hook as DecidingHook];
  return talk.refuse(rule, verdict, row.subject?.(event) ?? "", "", (reply) => row.refused?.(talk, event, reply));
}

/** Spec 01 §8.4: what spoils the dialogue counts; what is merely unwelcome does not. */
function countsAsError(reply: Reply): boolean {
  return (reply.code < 510 && !LIMITS.has(reply)) || reply === TEXTS.authFirst;
}

/** What is beyond them comes with another mail or another session. */
const LIMITS: ReadonlySet<Reply> = new Set([TEXTS.tooManyRecipients, TEXTS.tooManyMails, TEXTS.tooManyDomains]);
