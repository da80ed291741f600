/**
 * What becomes of an item after an attempt: those delivered are struck out, those deferred wait by the schedule, for those that failed
 * the sender is told, and of deliveries and delays where it asked. Hooks `delivered`, `bounce` and `deferred` have their say; one log event for each kind of outcome.
 *
 * What was delivered is noted before any hook runs. A report to the sender and the state it leaves the item in are one record.
 */
import type { Attempt, Item, Outcome, Reason } from "../hooks/outbound.ts";
import type { SitePolicy } from "../hooks/site.ts";
import type { Message } from "../mail/message.ts";
import type { ReportKind } from "../mail/report_template.ts";
import type { Acceptor } from "./accept.ts";
import { type Failed, isToldOf, makeReport, type ReportLine, returnable } from "./bounce.ts";
import type { Core, QueuedEntry } from "./core.ts";
import { type News, newsOf } from "./news.ts";
import { notePast, type PastAttempt, pastOf, withAttempt } from "./past.ts";
import { TOLD } from "./stored.ts";
import { successLine } from "./success.ts";
import { givenUpAt } from "./trace.ts";

type Delivered = Extract<Outcome, { kind: "delivered" }>;
type Deferred = Extract<Outcome, { kind: "deferred" }>;
interface Sorted {
  readonly delivered: Delivered[];
  readonly deferred: Deferred[];
  readonly failed: Failed[];
}

/** When a report cannot be stored, the attempt counts as not made and comes again after this. */
const AGAIN_MS = 60_000;
const LONGEST_ERROR = 400;

export class Settler {
  readonly #core: Core;
  readonly #acceptor: Acceptor;

  constructor(core: Core, acceptor: Acceptor) {
    this.#core = core;
    this.#acceptor = acceptor;
  }

  /** Brings the entry to its next state: done, or waiting (or held) with a new time. Never rejects for what a hook or the disk does. */
  async settle(entry: QueuedEntry, item: Item, attempt: Attempt, message: Message): Promise<void> {
    const places = placesOf(entry, item);
    const sorted = this.#sort(entry, item, attempt);
    const past = pastAttempt.bind(undefined, this.#core.clock.now(), sorted, places, attempt);
    const { delivered, deferred, failed } = sorted;
    const rcpts = `${delivered.length}/${deferred.length}/${failed.length}`;
    const open = [...deferred, ...failed].map(({ recipient }) => places.get(recipient)!);
    if (delivered.length > 0) {
      entry.left = open;
      const lines = successLines(item, attempt, delivered);
      // News that cannot be kept is lost: what was delivered must not be delivered again for it.
      const recorded = lines.length > 0 && await this.#report("delivered", item, lines, message, entry);
      if (open.length === 0) {
        const finishing = this.finish(entry, recorded);
        if (finishing !== undefined) await finishing;
      } else if (!recorded) this.#note(entry);
      const told = this.#delivered(item, attempt, delivered, rcpts);
      if (told !== undefined) await told;
      if (open.length === 0) return;
    }
    const told = failed.length > 0 && await this.#bounced(item, attempt, failed, rcpts)
      ? failed.filter(({ recipient }) => isToldOf("FAILURE", recipient, true))
      : [];
    const reports = told.length > 0;
    const waiting = await this.#deferred(entry, item, attempt, deferred, rcpts);
    if (gone(entry)) return;
    const before = entry.left;
    entry.settling = reports;
    entry.left = waiting.map(({ recipient }) => places.get(recipient)!);
    if (reports && !await this.#report("failed", item, told.map(failureLine), message, entry)) {
      entry.left = before;
      entry.settling = false;
      entry.dueAt = this.#core.clock.now() + AGAIN_MS;
      return this.#note(entry, past());
    }
    entry.settling = false;
    if (entry.left.length === 0) return await this.finish(entry, reports);
    this.#note(entry, past());
  }

  /**
   * Tells the sender what the time has come for, before an attempt: that its mail is late, or is given up for its age or the deadline it set; then the
   * entry is settled. Says which it was.
   */
  tellNews(entry: QueuedEntry, item: Item, message: Message): News | Promise<News> {
    const { clock, settings } = this.#core;
    const news = newsOf(entry, settings(), this.#policyOf(entry, item), clock.now());
    return news === "none" ? news : this.#tell(news, entry, item, message);
  }

  async #tell(news: Exclude<News, "none">, entry: QueuedEntry, item: Item, message: Message): Promise<News> {
    const limits = this.#core.settings();
    const policy = this.#policyOf(entry, item);
    if (news === "expired" || news === "old") {
      const reason = news === "expired" ? EXPIRED : tooOld(entry);
      const outcomes = item.recipients.map((recipient) => ({ kind: "failed" as const, recipient, reason }));
      await this.settle(entry, item, { outcomes }, message);
      return news;
    }
    entry.told |= TOLD[news];
    const unasked = news === "overdue" || limits.delayWarningFor === "all";
    const late = item.recipients.filter((recipient) => isToldOf("DELAY", recipient, unasked));
    if (late.length === 0 || item.envelope.sender.isNull()) {
      this.#note(entry);
      return news;
    }
    const line = {
      action: "delayed",
      status: entry.lastStatus ?? "4.4.7",
      reason: news === "overdue" ? OVERDUE : entry.lastError ?? "not tried yet",
      retryUntil: givenUpAt(entry, this.#intervalsOf(entry, item), policy),
    } as const;
    item.log.notice("Tells the sender that mail is late", { file: item.id, domain: item.domain, news });
    // One that cannot be kept is told again after a restart.
    await this.#report("delayed", item, late.map((recipient) => ({ ...line, recipient })), message, entry);
    return news;
  }

  /** Strikes an item out for good. A body file goes only once that is on disk, so that no record ever lacks its body. */
  finish(entry: QueuedEntry, recorded = false): void | Promise<void> {
    const { journal, ledger } = this.#core;
    const { message } = entry;
    const json = JSON.stringify({ i: message.id, n: entry.index, a: entry.attempts, d: 0, l: [] });
    ledger.done(entry);
    if (message.bodyFile === undefined || message.entries.length > 0) {
      if (!recorded) journal.note("outcome", json);
      return;
    }
    return this.#finishFile(message.bodyFile, json, recorded);
  }

  async #finishFile(bodyFile: string, json: string, recorded: boolean): Promise<void> {
    const { journal, bodies } = this.#core;
    try {
      if (!recorded) await journal.append("outcome", json);
      bodies.remove(bodyFile);
    } catch {
      // The journal has logged it. The body stays until the record is written: at the latest the next start sweeps it.
      journal.note("outcome", json);
    }
  }

  /** With an attempt that has just been made, what happened so far is written down with it. */
  #policyOf(entry: QueuedEntry, item: Item): SitePolicy {
    return (item.site ?? this.#core.sites(entry)).policy;
  }

  #intervalsOf(entry: QueuedEntry, item: Item): readonly number[] {
    return this.#policyOf(entry, item).retryMs ?? this.#core.settings().intervals;
  }

  #note(entry: QueuedEntry, attempt?: PastAttempt): void {
    if (gone(entry)) return;
    const { journal, rest } = this.#core;
    if (attempt !== undefined) {
      return notePast(entry, withAttempt(pastOf(entry), attempt), journal, () => rest(entry));
    }
    journal.note("outcome", JSON.stringify({ i: entry.message.id, ...entry.stored() }));
  }

  /** By kind. Whoever got no outcome is deferred; whoever was deferred too often has failed (spec 02 §5). */
  #sort(entry: QueuedEntry, item: Item, { outcomes }: Attempt): Sorted {
    const by = new Map(outcomes.map((outcome) => [outcome.recipient, outcome]));
    const sorted: Sorted = { delivered: [], deferred: [], failed: [] };
    for (const recipient of item.recipients) {
      const outcome = by.get(recipient) ?? { kind: "deferred" as const, recipient, reason: NO_OUTCOME };
      if (outcome.kind === "delivered") sorted.delivered.push(outcome);
      else if (outcome.kind === "failed") sorted.failed.push(outcome);
      else sorted.deferred.push(outcome);
    }
    if (sorted.deferred.length === 0) return sorted;
    entry.attempts++;
    if (entry.attempts <= this.#intervalsOf(entry, item).length) return sorted;
    for (const { recipient, reason } of sorted.deferred.splice(0)) {
      const text = `Too many failures (${reason.text})`;
      sorted.failed.push({
        kind: "failed",
        recipient,
        reason: { ...reason, text, status: reason.status.replace(/^4/, "5") },
      });
    }
    return sorted;
  }

  #delivered(item: Item, attempt: Attempt, delivered: readonly Delivered[], rcpts: string): void | Promise<void> {
    const { hooks, clock } = this.#core;
    const via = attempt.via ?? UNKNOWN_HOST;
    const response = replyText(delivered[0]!);
    const delay = (clock.now() - item.queuedAt) / 1000;
    item.log.event("delivered", {
      file: item.id,
      domain: item.domain,
      host: via.host,
      ip: via.ip,
      port: via.port,
      mode: via.mode,
      tls: via.tls ? "Y" : "N",
      auth: via.authenticated ? "Y" : "N",
      response,
      delay,
      fails: item.attempts,
      rcpts,
    });
    if (!hooks.has("delivered")) return;
    const ran = hooks.run("delivered", { item, outcomes: delivered, via, delay, response }, { log: item.log });
    if (ran instanceof Promise) return ran.then(() => {});
  }

  /** Whether the sender is to be told. */
  async #bounced(item: Item, attempt: Attempt, failed: readonly Failed[], rcpts: string): Promise<boolean> {
    const { hooks } = this.#core;
    const error = errorOf(item, failed, "failed");
    item.log.event("bounced", { file: item.id, domain: item.domain, rcpts, err: error });
    if (hooks.has("bounce")) {
      const ran = hooks.run("bounce", { item, attempt, outcomes: failed, error }, { log: item.log });
      const { verdict } = ran instanceof Promise ? await ran : ran;
      if (verdict?.kind === "ok") return false;
    }
    if (!item.envelope.sender.isNull()) return true;
    // RFC 5321 §4.5.5: nobody is told of a report that cannot be delivered.
    item.log.event("double_bounce", { file: item.id, sender: item.envelope.sender.toString(), err: error });
    return false;
  }

  /** Those that will be tried again; sets the time. */
  async #deferred(
    entry: QueuedEntry,
    item: Item,
    attempt: Attempt,
    deferred: readonly Deferred[],
    rcpts: string,
  ): Promise<readonly Deferred[]> {
    if (deferred.length === 0) return deferred;
    const { hooks, clock } = this.#core;
    const error = errorOf(item, deferred, "temp failed");
    let delay = this.#intervalsOf(entry, item)[entry.attempts - 1]! / 1000;
    if (hooks.has("deferred")) {
      const ran = hooks.run("deferred", { item, attempt, delay, error }, { log: item.log });
      const { verdict } = ran instanceof Promise ? await ran : ran;
      if (verdict?.kind === "ok") return [];
      if (verdict?.kind === "answer" && verdict.value >= 0) delay = verdict.value;
    }
    entry.dueAt = clock.now() + delay * 1000;
    entry.lastError = error.slice(0, LONGEST_ERROR);
    entry.lastStatus = deferred[0]!.reason.status;
    item.log.event("deferred", { file: item.id, domain: item.domain, delay, fails: entry.attempts, rcpts, err: error });
    return deferred;
  }

  /** Stores a report and the state of the item in one record; false when that cannot be done. */
  async #report(
    kind: ReportKind,
    item: Item,
    lines: readonly ReportLine[],
    original: Message,
    entry: QueuedEntry,
  ): Promise<boolean> {
    const { clock, host, newId, settings } = this.#core;
    const { me, bounceTemplates: templates, fullReportBytes } = settings();
    try {
      const { envelope, message } = makeReport({
        kind,
        me,
        templates,
        log: item.log,
        item,
        lines,
        original,
        full: kind === "failed" ? await returnable(item, original, fullReportBytes) : undefined,
        error: kind === "failed" ? errorOf(item, lines, "failed") : undefined,
        now: clock.now(),
        pid: host.pid,
        id: newId(),
      });
      await this.#acceptor.store(envelope, message, { i: entry.message.id, ...entry.stored() });
      return true;
    } catch (error) {
      item.log.error(`Cannot queue a report to the sender: ${error instanceof Error ? error.message : error}`);
      return false;
    }
  }
}

function failureLine({ recipient, reason }: Failed): ReportLine {
  const { status, text, remote, reply } = reason;
  return { recipient, action: "failed", status, reason: text, remote, reply };
}

/** Of those whose delivery the sender is told of. */
function successLines(item: Item, { via }: Attempt, delivered: readonly Delivered[]): readonly ReportLine[] {
  const { sender, wanted } = item.envelope;
  if (sender.isNull()) return [];
  return delivered.flatMap((outcome) => successLine(outcome, wanted, via) ?? []);
}

/** RFC 2852 §4.1.4, RFC 3463 §3.5. */
const EXPIRED: Reason = { text: "not delivered by the time the sender set", status: "5.4.7" };
/** RFC 3463 §3.5, and why it did not go before. */
function tooOld({ lastError }: QueuedEntry): Reason {
  const why = lastError === undefined ? "" : ` (${lastError})`;
  return { text: `not delivered in the time its destination is given${why}`, status: "5.4.7" };
}
const OVERDUE = "the time the sender set has passed";
const NO_OUTCOME: Reason = { text: "The deliverer gave no outcome", status: "4.3.0" };
const UNKNOWN_HOST = { host: "", ip: "", port: 0, mode: "SMTP", tls: false, authenticated: false } as const;

/** As its item remembers it. */
function pastAttempt(
  at: number,
  { delivered, deferred, failed }: Sorted,
  places: ReadonlyMap<Item["recipients"][number], number>,
  { via }: Attempt,
): PastAttempt {
  const results = [...delivered, ...deferred, ...failed].map((outcome) => {
    const host = outcome.kind === "delivered" ? via?.host : outcome.reason.remote;
    const text = outcome.kind === "delivered" ? replyText(outcome) : outcome.reason.text;
    const { kind, recipient } = outcome;
    return { kind, recipients: [places.get(recipient)!], text, ...(host === undefined ? {} : { host }) };
  });
  return { at, results };
}

function replyText({ reply: { enhanced, text } }: Delivered): string {
  const words = typeof text === "string" ? text : text.join(" ");
  return enhanced === undefined ? words : `${enhanced} ${words}`;
}

/** Removed while its attempt ran. */
function gone(entry: QueuedEntry): boolean {
  return !entry.message.entries.includes(entry);
}

function placesOf(entry: QueuedEntry, item: Item): Map<Item["recipients"][number], number> {
  return new Map(item.recipients.map((recipient, i) => [recipient, entry.left[i]!]));
}

/** The one reason there was, or Haraka's words for a part of the recipients (spec 02 §4.5), each with the reason it had. */
function errorOf(
  item: Item,
  outcomes: readonly (Deferred | Failed | ReportLine)[],
  what: "temp failed" | "failed",
): string {
  const first = reasonOf(outcomes[0]!);
  if (outcomes.length === item.recipients.length && outcomes.every((one) => reasonOf(one) === first)) return first;
  const each = outcomes.map((one) => `${one.recipient.address} (${reasonOf(one)})`);
  return `Some recipients ${what}: ${each.join(", ")}`;
}

function reasonOf({ reason }: Deferred | Failed | ReportLine): string {
  return typeof reason === "string" ? reason : reason.text;
}
