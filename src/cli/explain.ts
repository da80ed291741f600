/**
 * `kasi explain ID [FILE]`: from the log, why each reply of a session was given: which hook and plugin said what, what the plugin looked up, how
 * long each step took.
 *
 * ID is what the client was shown or the log has: a session's id or a message's, or the beginning of one. INFO in log.ini tells verdicts and
 * refusals; DEBUG also functions that said nothing, and look-ups. Exit code 1 when the log has no such session, or several.
 */
import type { Machine } from "../host/types.ts";
import { parseLine } from "../log/parse.ts";
import { type Step, tellStory } from "./explain_story.ts";
import { logFile, logLines, sessionOf } from "./log_lines.ts";
import type { Terminal } from "./terminal.ts";

/** So that a beginning of one character does not collect the whole log. */
const MOST_SESSIONS = 20;

export async function explain(
  action: { readonly id: string; readonly file?: string; readonly site?: string },
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const file = await logFile(action.file, action.site, machine);
  const wanted = action.id.toUpperCase();
  const [session = "", part] = wanted.split(".");
  const sessions = new Map<string, Step[]>();
  for (const line of logLines(file, machine)) {
    const step = parseLine(line);
    if (step === undefined) continue;
    const id = sessionOf(step.uuid);
    if (id === "" || !id.toUpperCase().startsWith(session)) continue;
    // What belongs to the connection as a whole is part of each message's story.
    const message = step.uuid.slice(id.length + 1).split(".")[0];
    if (part !== undefined && message !== "" && message !== part) continue;
    const steps = sessions.get(id);
    if (steps !== undefined) steps.push(step);
    else if (sessions.size < MOST_SESSIONS) sessions.set(id, [step]);
  }
  if (sessions.size === 1) {
    const [[id, steps]] = [...sessions] as [[string, Step[]]];
    return out.say(tellStory(id, steps));
  }
  out.complain(
    sessions.size === 0
      ? `The log has nothing of ${action.id}`
      : `Several sessions begin with ${action.id}:\n${[...sessions.keys()].map((id) => `  ${id}`).join("\n")}`,
  );
  return 1;
}
