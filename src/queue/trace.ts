/**
 * What an operator asks of one item: what happened so far, what is next, when, and why. Reading disturbs nothing.
 */
import type { Envelope } from "../hooks/outbound.ts";
import type { SitePolicy } from "../hooks/site.ts";
import type { Host } from "../host/types.ts";
import { readStored } from "./body_store.ts";
import type { Ledger } from "./ledger.ts";
import type { Entry } from "./queued.ts";
import { listed, readLedger, selectEntries } from "./list.ts";
import { oldAt } from "./news.ts";
import { pastOf } from "./past.ts";
import type { Segment } from "./segment.ts";
import type { ListedSite } from "./sites/sites_desk.ts";
import { restoreEnvelope } from "./stored.ts";
import type { HistoryAttempt, NextStep, QueueSettings, ShownEnvelope, TracedItem } from "./types.ts";

/** What decides when an item goes, beside itself. */
export interface Situation {
  readonly now: number;
  readonly settings: Pick<QueueSettings, "intervals" | "disabled" | "concurrencyMax" | "sites">;
  /** Deliveries under way, and how a domain's site stands; undefined when no server runs. */
  readonly running: { readonly active: number; siteOf(domain: string): ListedSite } | undefined;
}

export function traceItems(ledger: Ledger<Segment>, id: string, situation: Situation): TracedItem[] {
  return [...selectEntries(ledger, { id })].map(({ entry }) => {
    const stored = readStored(entry.message.place);
    const envelope = stored && restoreEnvelope(stored);
    return {
      ...listed({ entry, stored }),
      site: siteName(entry, situation),
      envelope: envelope && shown(envelope, entry.left),
      history: historyOf(entry, envelope),
      next: nextStep(entry, situation),
      givenUpAt: givenUpAt(entry, ...scheduleOf(entry, situation)),
    };
  });
}

/** The same from a shard's files, without a lock and without touching anything. */
export function readTrace(host: Host, dir: string, id: string, situation: Situation): TracedItem[] {
  return readLedger(host, dir, (ledger) => traceItems(ledger, id, situation));
}

function shown({ sender, recipients, smtpUtf8, wanted, notes }: Envelope, left: readonly number[]): ShownEnvelope {
  return {
    sender: sender.address,
    recipients: left.map((place) => {
      const { address, notify, originalRecipient } = recipients[place]!;
      return {
        address: address.address,
        ...(notify === undefined ? {} : { notify }),
        ...(originalRecipient === undefined
          ? {}
          : { originalRecipient: `${originalRecipient.type};${originalRecipient.address}` }),
      };
    }),
    smtpUtf8,
    wanted: wanted ?? {},
    notes,
  };
}

function historyOf(entry: Entry<Segment>, envelope: Envelope | undefined): HistoryAttempt[] {
  return pastOf(entry).map(({ at, results }) => ({
    at,
    results: results.map((result) => ({
      ...result,
      recipients: result.recipients.map((place) => envelope?.recipients[place]?.address.address ?? "?"),
    })),
  }));
}

/** When the last attempt will be, as things stand; its failure is final. */
export function givenUpAt(entry: Entry, intervals: readonly number[], policy: SitePolicy): number {
  const { dueAt, attempts, message } = entry;
  const last = Math.min(intervals.slice(attempts).reduce((sum, each) => sum + each, dueAt), oldAt(entry, policy));
  const by = message.wanted?.by;
  return by?.[1].startsWith("R") ? Math.min(last, by[0]) : last;
}

export function nextStep(entry: Entry, { now, settings, running }: Situation): NextStep {
  const { dueAt, attempts, domain, message, state } = entry;
  const at = state === "ready" ? now : Math.max(dueAt, now);
  if (state === "active") return { why: "running", text: "is being delivered right now" };
  if (state === "held") return { why: "held", text: "nothing: it is held until somebody releases it" };
  if (settings.disabled) {
    return { why: "disabled", text: "nothing: outbound.ini says disabled=true" };
  }
  if (state === "ready" && running !== undefined) {
    return inLine(running.siteOf(domain), running.active >= settings.concurrencyMax ? running.active : undefined, at);
  }
  if (running === undefined && dueAt <= now) return { why: "stopped", text: "an attempt once a server runs" };
  const server = running === undefined ? ", if a server runs then" : "";
  if ((message.wanted?.h ?? 0) > now) {
    return { at, why: "sender", text: `an attempt when the sender wants it${server}` };
  }
  if (attempts === 0) return { at, why: "new", text: `the first attempt${server}` };
  const most = scheduleOf(entry, { settings, running })[0].length;
  const after = attempts >= most ? "the last one" : `attempt ${attempts + 1} of ${most + 1}`;
  return { at, why: "schedule", text: `${after}, by the schedule (temp_fail_intervals)${server}` };
}

type Places = Pick<Situation, "settings" | "running">;

/** As far as it is known which site it belongs to. */
function siteName({ domain }: Entry, { settings, running }: Places): string {
  return running?.siteOf(domain).name ?? settings.sites.siteOf(domain).name;
}

function scheduleOf(entry: Entry, places: Places) {
  const { sites, intervals } = places.settings;
  const { policy } = sites.byName(siteName(entry, places)) ?? sites.siteOf(entry.domain);
  return [policy.retryMs ?? intervals, policy] as const;
}

/** Why an item that is due does not go. */
function inLine(site: ListedSite, all: number | undefined, at: number): NextStep {
  const { name, state, reason, until, active, limit, rate } = site;
  if (state === "suspended") {
    const end = until === undefined ? "until somebody resumes it" : "until the time is over";
    const text = `nothing, ${end}: the operator suspended ${name} (${reason})`;
    return { ...(until === undefined ? {} : { at: until }), why: "site", text };
  }
  if (state === "resting") return { at: until!, why: "site", text: `an attempt after the rest of ${name} (${reason})` };
  const why = active >= limit
    ? `${active} deliveries to ${name} are under way, which is the limit for it now`
    : all !== undefined
    ? `${all} deliveries are under way, which is the limit (concurrency_max)`
    : rate !== undefined
    ? `the rate of ${name} is ${rate.count} in ${formatSeconds(rate.perMs)}`
    : "it is in line for a slot";
  return { at, why: "slot", text: `an attempt as soon as there is a slot: ${why}` };
}

function formatSeconds(ms: number): string {
  return `${ms / 1000} s`;
}
