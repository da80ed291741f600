/** The queue's commands and their options, for `options.ts`: one table of verbs, and the filter's fields as options. */
import { BadFilter, FILTER_FIELDS, FILTER_NAMES, type FilterField, readFilter } from "../queue/filter.ts";

/** What a verb is given beside its options. */
type Operand = "domain?" | "id" | "ids" | "items" | "dir";

interface Verb {
  readonly form: string;
  readonly about: string;
  readonly takes: Operand;
  /** Other names. */
  readonly also?: readonly string[];
  /** Options beside those of every command. */
  readonly options: readonly (FilterField | "all" | "dryRun" | "reason")[];
}

const WHICH = FILTER_NAMES;
const ACTS = [...FILTER_NAMES, "all", "dryRun"] as const;

export const QUEUE_VERBS = {
  ls: {
    form: "ls [DOMAIN] [FILTER]",
    about: "list queued mail; a running server is not disturbed",
    takes: "domain?",
    also: ["list"],
    options: WHICH,
  },
  show: {
    form: "show ID",
    about: "print the envelope of queued mail and what is next for it",
    takes: "ids",
    options: [],
  },
  trace: {
    form: "trace ID",
    about: "what happened to queued mail so far, what is next, when and why",
    takes: "ids",
    options: [],
  },
  cat: { form: "cat ID", about: "print a queued message as it would be sent", takes: "id", options: [] },
  hold: { form: "hold ID|FILTER", about: "keep mail from being tried", takes: "items", options: ACTS },
  release: { form: "release ID|FILTER", about: "let held mail be tried again", takes: "items", options: ACTS },
  retry: { form: "retry ID|FILTER", about: "try waiting mail now", takes: "items", options: ACTS },
  remove: {
    form: "rm ID|FILTER",
    about: "throw mail away; nobody is told",
    takes: "items",
    also: ["rm", "delete"],
    options: ACTS,
  },
  bounce: {
    form: "bounce ID|FILTER [--reason TEXT]",
    about: "give mail up, with a report to its sender",
    takes: "items",
    options: [...ACTS, "reason"],
  },
  import: {
    form: "import DIR",
    about: "take in queue files, Haraka's or those of an export; taken ones move to DIR/imported",
    takes: "dir",
    options: [],
  },
  export: {
    form: "export DIR [FILTER]",
    about: "write queued mail to DIR as .eml, each with its envelope as .json; the queue keeps it",
    takes: "dir",
    options: WHICH,
  },
  flush: {
    form: "flush [DOMAIN]",
    about: "make the running server try waiting mail now",
    takes: "domain?",
    options: [],
  },
} as const satisfies { readonly [name: string]: Verb };
export type QueueVerb = keyof typeof QUEUE_VERBS;

export interface QueueAction {
  readonly do: "queue";
  readonly verb: QueueVerb;
  readonly ids: readonly string[];
  /** Of import and export. */
  readonly dir?: string;
  /** As they were written; they can be read. */
  readonly filter: { readonly [F in FilterField]?: string };
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly reason?: string;
  readonly json: boolean;
  readonly site?: string;
}

interface Option {
  readonly long: string;
  readonly takes?: string;
  readonly about: string;
}

export const QUEUE_OPTIONS = {
  ...Object.fromEntries(FILTER_NAMES.map((name): [FilterField, Option] => {
    const { takes, about } = FILTER_FIELDS[name];
    return [name, { long: `--${name}`, takes, about: `with queue: ${about}` }];
  })) as { readonly [F in FilterField]: Option & { readonly takes: string } },
  all: { long: "--all", about: "with queue hold, release, retry, rm, bounce: all mail there is" },
  dryRun: { long: "--dry-run", about: "with these: only count" },
  reason: {
    long: "--reason",
    takes: "TEXT",
    about: "with queue bounce: what the report says; with sites suspend: why",
  },
} as const;
type QueueOption = keyof typeof QUEUE_OPTIONS;
const OPTION_NAMES = Object.keys(QUEUE_OPTIONS) as QueueOption[];

export const QUEUE_COMMANDS: readonly { readonly form: string; readonly about: string }[] = Object.values(QUEUE_VERBS)
  .map(({ form, about }) => ({ form: `queue ${form}`, about }));

const BY_NAME = new Map<string, QueueVerb>(
  (Object.keys(QUEUE_VERBS) as QueueVerb[]).flatMap((verb) => {
    const { also }: Verb = QUEUE_VERBS[verb];
    return [verb, ...also ?? []].map((name) => [name, verb] as const);
  }),
);

interface Given {
  has(option: QueueOption | "json"): boolean;
  get(option: QueueOption | "json"): string | undefined;
}
type Chosen = QueueAction | { readonly do: "unknown"; readonly reason: string; readonly of: "queue" };

/** `words`: what follows `queue`. */
export function chooseQueue(given: Given, words: readonly string[], site: { readonly site?: string }): Chosen {
  const unknown = (reason: string): Chosen => ({ do: "unknown", reason, of: "queue" });
  const [name = "", ...operands] = words;
  const verb = BY_NAME.get(name);
  if (verb === undefined) return unknown(`queue wants one of ${[...shownNames()].join(", ")}`);
  const { takes, options }: Verb = QUEUE_VERBS[verb];
  const odd = OPTION_NAMES.find((each) => given.has(each) && !options.includes(each));
  if (odd !== undefined) return unknown(`queue ${name} takes no ${QUEUE_OPTIONS[odd].long}`);

  let filter: QueueAction["filter"] = {};
  for (const field of FILTER_NAMES) {
    const text = given.get(field);
    if (text !== undefined) filter = { ...filter, [field]: text };
  }
  let ids: readonly string[] = [];
  if (takes === "domain?") {
    if (operands.length > 1) return unknown(`queue ${name} takes one DOMAIN`);
    if (operands[0] !== undefined) filter = { ...filter, domain: operands[0] };
  } else if (takes !== "dir") ids = operands;
  else if (operands.length !== 1) return unknown(`queue ${name} wants one DIR`);
  try {
    readFilter({ get: (field) => filter[field], ids }, 0);
  } catch (cause) {
    if (cause instanceof BadFilter) return unknown(`--${cause.message}`);
    throw cause;
  }
  const fault = operandFault(verb, name, ids, filter, given.has("all"));
  if (fault !== undefined) return unknown(fault);
  const reason = given.get("reason");
  return {
    do: "queue",
    verb,
    ids,
    ...(takes === "dir" ? { dir: operands[0]! } : {}),
    filter,
    all: given.has("all"),
    dryRun: given.has("dryRun"),
    ...(reason === undefined ? {} : { reason }),
    json: given.has("json"),
    ...site,
  };
}

function operandFault(
  verb: QueueVerb,
  name: string,
  ids: readonly string[],
  filter: QueueAction["filter"],
  all: boolean,
): string | undefined {
  switch (QUEUE_VERBS[verb].takes) {
    case "domain?":
    case "dir":
      return undefined;
    case "id":
    case "ids":
      if (ids.length === 0) return `queue ${name} wants the ID that queue ls prints`;
      return ids.length > 1 && QUEUE_VERBS[verb].takes === "id" ? `queue ${name} takes one ID` : undefined;
    case "items": {
      const narrows = Object.keys(filter).some((field) => field !== "limit" && field !== "sort");
      if (ids.length > 0 || narrows) return all ? `queue ${name} takes --all or says which, not both` : undefined;
      return all ? undefined : `queue ${name} wants the ID that queue ls prints, a filter, or --all`;
    }
  }
}

function* shownNames(): Iterable<string> {
  for (const { form } of Object.values(QUEUE_VERBS)) yield form.split(" ")[0]!;
}
