/**
 * What may be asked over the control socket, as a table: one row for each verb, and nothing else is heard.
 *
 * A row's `run` gives what is sent back: a value, sent as JSON, or an iterable, sent one JSON object a line. It throws for what cannot be done; the
 * message goes to whoever asked, who is on this machine and allowed to know.
 */
import type { Addr } from "../host/types.ts";
import type { ItemState, ListFilter } from "../queue/types.ts";
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

const STATES: readonly ItemState[] = ["waiting", "ready", "active", "held"];

const OF_DOMAIN = { domain: "items for this domain only" };

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
    takes: {
      ...OF_DOMAIN,
      id: "one item, or all of one transaction",
      state: `one of ${STATES.join(", ")}`,
      limit: "at most so many",
    },
    run: ({ operations }, given) => operations.list(listFilter(given)),
  },
  "/queue/flush": {
    method: "POST",
    about: "make waiting items due now",
    takes: OF_DOMAIN,
    run: async ({ operations }, given) => ({ items: await operations.flush(given.get("domain")?.toLowerCase()) }),
  },
  "/queue/hold": onItems("hold", "keep items from being tried"),
  "/queue/release": onItems("release", "let held items be tried again"),
  "/queue/remove": onItems("remove", "take items out for good, without a report to anyone"),
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

function onItems(verb: "hold" | "release" | "remove", about: string) {
  return {
    method: "POST",
    about,
    takes: { id: "an item's, or a transaction's for all of its items" },
    async run({ operations }: ControlFace, given: URLSearchParams) {
      const id = given.get("id");
      if (id === null || id === "") throw new BadArgument(`${verb} wants an id`);
      return { items: await operations[verb](id) };
    },
  } as const;
}

function listFilter(given: URLSearchParams): ListFilter {
  const domain = given.get("domain");
  const id = given.get("id");
  const state = given.get("state");
  const limit = given.get("limit");
  const known = STATES.find((each) => each === state);
  if (state !== null && known === undefined) throw new BadArgument(`state wants one of ${STATES.join(", ")}`);
  if (limit !== null && !/^[1-9]\d{0,8}$/.test(limit)) throw new BadArgument("limit wants a number from 1");
  return {
    ...(domain === null ? {} : { domain: domain.toLowerCase() }),
    ...(id === null ? {} : { id }),
    ...(known === undefined ? {} : { state: known }),
    ...(limit === null ? {} : { limit: Number(limit) }),
  };
}
