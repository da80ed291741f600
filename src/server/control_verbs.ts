/**
 * What may be asked over the control socket, as a table: one row for each verb, and nothing else is heard.
 *
 * A row's `run` gives what is sent back: a value, sent as JSON, or an iterable, sent one JSON object a line. It throws for what cannot be done; the
 * message goes to whoever asked, who is on this machine and allowed to know.
 */
import { parseDuration, WANTED_DURATION } from "../config/amounts.ts";
import type { Addr } from "../host/types.ts";
import { BadFilter, FILTER_FIELDS, FILTER_NAMES, meansAll, readFilter } from "../queue/filter.ts";
import type { ListFilter, OrderVerb } from "../queue/types.ts";
import type { Operations } from "./face.ts";
import { describe } from "./listeners.ts";

/** What the verbs act upon. */
export interface ControlFace {
  readonly operations: Operations;
  readonly pid: number;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly addresses: readonly Addr[];
  /** Begins to end the process in good order, and returns at once. */
  shutdown(): void;
}

export interface ControlVerb {
  readonly method: "GET" | "POST";
  readonly about: string;
  /** Names it takes in the query, and what they mean; others are refused. */
  readonly takes: { readonly [name: string]: string };
  run(face: ControlFace, given: URLSearchParams, now: number): unknown;
}

/** Wrong argument of a verb: 400. */
export class BadArgument extends Error {
  override readonly name = "BadArgument";
}

const OF_ID = { id: "an item's, or a transaction's for all of its items; may be given more than once" };
const OF_FILTER = Object.fromEntries(FILTER_NAMES.map((name) => [name, FILTER_FIELDS[name].about]));

export const CONTROL_VERBS = {
  "/status": {
    method: "GET",
    about: "process, version, listeners, sessions, queue and deliveries in short",
    takes: {},
    run: async ({ operations, pid, version, startedAt, addresses }, _given, now) => ({
      pid,
      version,
      uptimeSeconds: Math.floor((now - startedAt) / 1000),
      addresses: addresses.map(describe),
      ...await operations.stats(),
    }),
  },
  "/queue": {
    method: "GET",
    about: "queued items, one a line",
    takes: { ...OF_ID, ...OF_FILTER },
    run: ({ operations }, given, now) => operations.list(filterOf(given, now)),
  },
  "/queue/trace": {
    method: "GET",
    about: "what happened to items, what is next, when and why; one a line",
    takes: { id: OF_ID.id },
    async run({ operations }, given) {
      const ids = given.getAll("id");
      if (ids.length === 0) throw new BadArgument("trace wants an id");
      return (await Promise.all(ids.map((id) => operations.trace(id)))).flat();
    },
  },
  "/queue/flush": {
    method: "POST",
    about: "make waiting items due now",
    takes: { domain: "items for this domain only" },
    run: async ({ operations }, given) => ({ items: await operations.flush(given.get("domain")?.toLowerCase()) }),
  },
  "/queue/hold": onItems("hold", "keep items from being tried"),
  "/queue/release": onItems("release", "let held items be tried again"),
  "/queue/retry": onItems("retry", "make waiting items due now"),
  "/queue/remove": onItems("remove", "take items out for good, without a report to anyone"),
  "/queue/bounce": onItems("bounce", "end items, with a report to their senders", {
    reason: "what the report says",
  }),
  "/queue/import": {
    method: "POST",
    about: "take in a directory of queue files; what became of each, one a line",
    takes: { dir: "an absolute path" },
    async run({ operations }, given) {
      const dir = given.get("dir");
      if (dir === null || !dir.startsWith("/")) throw new BadArgument("import wants dir, an absolute path");
      return await operations.import(dir);
    },
  },
  "/sites": {
    method: "GET",
    about: "destinations that have mail, and those that are not well; one a line",
    takes: { name: "this one: a section of outbound.sites.ini, or a domain" },
    async run({ operations }, given) {
      const name = given.get("name");
      return [...(await operations.sites(name === null ? { do: "ls" } : { do: "show", name })).sites];
    },
  },
  "/sites/suspend": {
    method: "POST",
    about: "send nothing to a destination",
    takes: {
      name: "a section of outbound.sites.ini, or a domain",
      for: "how long, such as 2h; until it is resumed when left out",
      reason: "for those who look",
    },
    async run({ operations }, given) {
      const time = given.get("for");
      const forMs = time === null ? undefined : parseDuration(time);
      if (time !== null && forMs === undefined) throw new BadArgument(`for wants ${WANTED_DURATION}`);
      return await operations.sites({
        do: "suspend",
        name: nameOf(given, "suspend"),
        reason: given.get("reason") ?? "by the operator",
        ...(forMs === undefined ? {} : { forMs }),
      });
    },
  },
  "/sites/resume": {
    method: "POST",
    about: "end a destination's suspension, rest or slowness",
    takes: { name: "a section of outbound.sites.ini, or a domain" },
    run: async ({ operations }, given) => await operations.sites({ do: "resume", name: nameOf(given, "resume") }),
  },
  "/restart": {
    method: "POST",
    about: "replace the workers one by one; answered when all are new",
    takes: {},
    async run({ operations }) {
      await operations.restart();
      return { restarted: true };
    },
  },
  "/shutdown": {
    method: "POST",
    about: "end in good order; answered before it ends",
    takes: {},
    run(face) {
      face.shutdown();
      return { stopping: true };
    },
  },
} as const satisfies { readonly [path: string]: ControlVerb };

export type ControlPath = keyof typeof CONTROL_VERBS;

function onItems(verb: OrderVerb, about: string, more: { readonly [name: string]: string } = {}) {
  return {
    method: "POST",
    about,
    takes: {
      ...OF_ID,
      ...OF_FILTER,
      ...more,
      all: "1: all there are; wanted where nothing else says which",
      dry_run: "1: only count",
    },
    async run({ operations }: ControlFace, given: URLSearchParams, now: number) {
      const filter = filterOf(given, now);
      if (meansAll(filter) && !isSet(given, "all")) throw new BadArgument(`${verb} wants an id, a filter or all=1`);
      const reason = given.get("reason");
      return await operations.order({
        verb,
        filter,
        ...(isSet(given, "dry_run") ? { dryRun: true } : {}),
        ...(reason === null ? {} : { reason }),
      });
    },
  } as const;
}

function nameOf(given: URLSearchParams, verb: string): string {
  const name = given.get("name");
  if (name === null || name === "") throw new BadArgument(`${verb} wants a name`);
  return name;
}

function isSet(given: URLSearchParams, name: string): boolean {
  const text = given.get(name);
  if (text !== null && text !== "1") throw new BadArgument(`${name} wants 1, or is left out`);
  return text === "1";
}

function filterOf(given: URLSearchParams, now: number): ListFilter {
  try {
    return readFilter({ get: (name) => given.get(name), ids: given.getAll("id") }, now);
  } catch (cause) {
    if (cause instanceof BadFilter) throw new BadArgument(cause.message);
    throw cause;
  }
}
