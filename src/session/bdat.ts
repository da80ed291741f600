/**
 * BDAT (RFC 3030 §2): a message in counted chunks.
 *
 * The octets of a chunk follow its command whatever we think of it, so each is read, in every phase, kept or not: no octet of a body
 * is ever taken for a command. Lines end with CR LF and nothing else; with BODY=BINARYMIME that holds for the header, and the body may be any
 * octets.
 */
import { HOOK_RULES } from "../hooks/rules.ts";
import { isRefusal } from "../hooks/verdict.ts";
import type { Command } from "../wire/command.ts";
import { accept } from "./accept.ts";
import { prepare } from "./body.ts";
import { refuseData } from "./data.ts";
import type { DataFault, Dialogue } from "./dialogue.ts";
import { noRecipient } from "./envelope.ts";
import type { BodyFile } from "./context.ts";
import { Intake } from "./intake.ts";
import type { Phase, Step } from "./phase.ts";
import { about, TEXTS } from "./texts.ts";
import { isBinary, type TransactionState } from "./transaction.ts";

const KEEP_NOTHING = () => {};

export async function takeChunk(talk: Dialogue, phase: Phase, command: Command<"BDAT">): Promise<Step> {
  if (phase.at !== "rcpt" && phase.at !== "bdat") {
    await talk.receive(talk.reader.bytes(command.size), KEEP_NOTHING);
    const reply = phase.at === "refused" ? phase.reply : noRecipient(phase, talk);
    if (phase.at !== "refused") talk.session.errors++;
    return { reply, next: phase };
  }
  const { transaction } = phase;
  if (phase.at === "rcpt") {
    const refused = await firstChunk(talk, transaction, command.size);
    if (refused !== undefined) return refused;
  }
  const intake = phase.at === "bdat" ? phase.intake : prepare(
    talk,
    transaction,
    new ChunkedIntake(
      talk.settings.spoolAfter,
      talk.context.spool,
      talk.settings.limits.mimeParts,
      isBinary(transaction),
    ),
  );
  const limit = talk.settings.limits.dataBytes || Infinity;
  // RFC 3030 §4.2: refused at once, but not before its octets are out of the way.
  const fits = intake.octets + command.size <= limit;
  const fault =
    await talk.receive(talk.reader.bytes(command.size), fits ? (chunk) => intake.add(chunk) : KEEP_NOTHING) ??
      (fits ? undefined : { kind: "too-big" } as const);
  if (fault !== undefined) return await refuseData(talk, fault);
  if (!command.last) {
    return {
      reply: about(TEXTS.chunkOk, String(command.size)),
      next: { at: "bdat", transaction, intake },
    };
  }
  const wrong = intake.lineEndFault();
  return wrong === undefined ? await accept(talk, transaction, intake) : await refuseData(talk, wrong);
}

/** The `data` hook decides before the first chunk counts. Its refusal is sent behind the chunk. */
async function firstChunk(talk: Dialogue, transaction: TransactionState, size: number): Promise<Step | undefined> {
  const { session } = talk;
  const { verdict } = await talk.ask("data", { session, transaction });
  if (verdict === undefined || !isRefusal(verdict)) return undefined;
  await talk.receive(talk.reader.bytes(size), KEEP_NOTHING);
  return await talk.refuse(HOOK_RULES.data, verdict, "");
}

/** Looks for line ends that are none, over all chunks of a message; in a binary one over its header. */
export class ChunkedIntake extends Intake {
  #fault: "bare-cr" | "bare-lf" | undefined;
  #afterCr = false;
  readonly #binary: boolean;
  /** How much of the CR LF CR LF behind the header the octets so far end with; an empty header is half of it. */
  #towardsBody = 2;
  #inBody = false;

  constructor(spoolAfter: number, spool: () => BodyFile, mostParts = 0, binary = false) {
    super(spoolAfter, spool, mostParts);
    this.#binary = binary;
  }

  override add(chunk: Uint8Array): void | Promise<void> {
    if (!this.#binary) this.#fault ??= this.#look(chunk);
    else if (!this.#inBody) this.#fault ??= this.#look(chunk.subarray(0, this.#headerIn(chunk)));
    return super.add(chunk);
  }

  /** To be asked at the end of the message. */
  lineEndFault(): DataFault | undefined {
    const kind = this.#fault ?? (this.#afterCr ? "bare-cr" : undefined);
    return kind === undefined ? undefined : { kind };
  }

  /** How many octets of the chunk are header, its empty line included. */
  #headerIn(chunk: Uint8Array): number {
    for (let at = 0; at < chunk.length; at++) {
      const wanted = this.#towardsBody % 2 === 0 ? CR : LF;
      this.#towardsBody = chunk[at] === wanted ? this.#towardsBody + 1 : chunk[at] === CR ? 1 : 0;
      if (this.#towardsBody === 4) {
        this.#inBody = true;
        return at + 1;
      }
    }
    return chunk.length;
  }

  #look(chunk: Uint8Array): "bare-cr" | "bare-lf" | undefined {
    if (chunk.length === 0) return undefined;
    if (this.#afterCr && chunk[0] !== LF) return "bare-cr";
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
      if (at === 0 ? !this.#afterCr : chunk[at - 1] !== CR) return "bare-lf";
    }
    for (let at = chunk.indexOf(CR); at >= 0; at = chunk.indexOf(CR, at + 1)) {
      if (at + 1 < chunk.length && chunk[at + 1] !== LF) return "bare-cr";
    }
    this.#afterCr = chunk[chunk.length - 1] === CR;
    return undefined;
  }
}

const LF = 10, CR = 13;
