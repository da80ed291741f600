/** Verbs the engine does not know: the `unrecognized_command` hook may answer them, or have another hook run in their place. */
import { HOOK_RULES } from "../hooks/rules.ts";
import { isRefusal } from "../hooks/verdict.ts";
import type { Dialogue } from "./dialogue.ts";
import { greet, nameRemote } from "./greet.ts";
import { standFor } from "./introduce.ts";
import { perform } from "./perform.ts";
import type { Step } from "./phase.ts";
import { about, TEXTS } from "./texts.ts";

export async function unrecognized(talk: Dialogue, verb: string, rest: string): Promise<Step> {
  const { session } = talk;
  if (verb === "PROXY") {
    return { reply: about(TEXTS.proxyRefused, session.remote.ip), next: { at: "closed" } };
  }
  const { verdict } = await talk.ask("unrecognized_command", { session, verb, rest });
  if (verdict === undefined) {
    session.errors++;
    return { reply: TEXTS.unknown, next: talk.phase };
  }
  if (isRefusal(verdict)) {
    if (verdict.kind === "defer") session.errors++;
    return await talk.refuse(HOOK_RULES.unrecognized_command, verdict, verb);
  }
  const { value } = verdict;
  if (!("run" in value)) return { reply: value, next: talk.phase };
  if ("client" in value) {
    await talk.reset();
    standFor(talk, value.client, "xclient");
  }
  switch (value.run) {
    case "noop":
      return await perform(talk, { verb: "NOOP", rest: "" });
    case "rset":
      return await perform(talk, { verb: "RSET", rest: "" });
    case "vrfy":
      return await perform(talk, { verb: "VRFY", rest });
    case "connect":
      return await greet(talk);
    case "lookup_rdns":
      return await nameRemote(talk) ?? await greet(talk);
  }
}
