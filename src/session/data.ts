/** DATA (RFC 5321 §4.1.1.4): the 354, the octets, the end. */
import { accept } from "./accept.ts";
import { prepare } from "./body.ts";
import type { DataFault, Dialogue } from "./dialogue.ts";
import { HOOK_RULES } from "../hooks/rules.ts";
import { isRefusal } from "../hooks/verdict.ts";
import { Intake } from "./intake.ts";
import type { At, Step } from "./phase.ts";
import { about, TEXTS, troubleOf } from "./texts.ts";

export async function takeData(talk: Dialogue, { transaction }: At<"rcpt">): Promise<Step> {
  const { settings, context } = talk;
  talk.say(TEXTS.goAhead);
  await talk.flush();
  const intake = prepare(
    talk,
    transaction,
    new Intake(settings.spoolAfter, context.spool, settings.limits.mimeParts),
  );
  const data = talk.reader.data({ limit: settings.limits.dataBytes || Infinity, bareLf: settings.bareLf });
  const fault = await talk.receive(data, (chunk) => intake.add(chunk));
  return fault === undefined ? await accept(talk, transaction, intake) : await refuseData(talk, fault);
}

/** The transaction is over; for what may have been meant to smuggle, the connection too. */
export async function refuseData(talk: Dialogue, fault: DataFault): Promise<Step> {
  const { session } = talk;
  const id = (session.transaction ?? session).id;
  switch (fault.kind) {
    case "too-big": {
      const refused = await askTooBig(talk);
      if (refused !== undefined) return refused;
      await talk.reset();
      session.msgCount.reject++;
      return { reply: TEXTS.tooBig, next: talk.rest() };
    }
    case "disk":
      session.log.error("Cannot keep the message", { reason: String(fault.error) });
      session.msgCount.tempfail++;
      await talk.reset();
      return { reply: about(troubleOf(fault.error), id), next: talk.rest() };
    case "bare-cr":
    case "bare-lf":
    case "smuggling":
      session.errors++;
      session.msgCount.tempfail++;
      session.log.notice("Refused a message with wrong line ends", { reason: fault.kind });
      await talk.reset();
      // What the client sends next may be the rest of the body or the next command: nobody can tell.
      return { reply: DATA_FAULTS[fault.kind], next: { at: "closed" } };
  }
}

const DATA_FAULTS = { "bare-cr": TEXTS.bareCr, "bare-lf": TEXTS.bareLf, smuggling: TEXTS.smuggling } as const;

async function askTooBig(talk: Dialogue): Promise<Step | undefined> {
  const { session } = talk;
  if (session.transaction === undefined) return undefined;
  const { verdict } = await talk.ask("max_data_exceeded", { session, transaction: session.transaction });
  if (verdict === undefined || !isRefusal(verdict)) return undefined;
  return await talk.refuse(HOOK_RULES.max_data_exceeded, verdict, "", "", (reply) => {
    session.msgCount[reply.code < 500 ? "tempfail" : "reject"]++;
  });
}
