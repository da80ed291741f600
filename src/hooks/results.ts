/** Results: what each plugin found, kept for others (karma), for summaries and for the log. Spec 01 §12. */
export interface ResultRecord {
  pass: string[];
  fail: string[];
  msg: string[];
  err: string[];
  skip: string[];
  [key: string]: unknown;
}
export interface ResultEntry {
  pass?: string | readonly string[];
  fail?: string | readonly string[];
  msg?: string | readonly string[];
  err?: string | Error | readonly string[];
  skip?: string | readonly string[];
  /** Log the summary at INFO; this and the three below are not kept. */
  emit?: boolean;
  /** Text of that summary, in the place of what was collected. */
  human?: string;
  /** For that summary: keys to leave out, in the place of what results.ini says. */
  hide?: readonly string[];
  /** For that summary: keys to begin with, in the place of what results.ini says. */
  order?: readonly string[];
  [key: string]: unknown;
}
type Owner = string | { readonly name: string };

export interface Results {
  /** The five lists append; other keys overwrite. */
  add(plugin: Owner, entry: ResultEntry): void;
  incr(plugin: Owner, counts: { readonly [key: string]: number }): void;
  /** Appends to arrays of the plugin's own. */
  push(plugin: Owner, values: { readonly [key: string]: unknown }): void;
  get(plugin: Owner): ResultRecord | undefined;
  getAll(): Readonly<Record<string, ResultRecord>>;
  has(plugin: Owner, list: string, wanted: string | RegExp): boolean;
  /** One line for the log. */
  collate(plugin: Owner): string;
}

/** One `add`, `incr` or `push`. */
export interface ResultChange {
  /** Id of the transaction the result belongs to, else of the session. */
  readonly id: string;
  readonly plugin: string;
  /** What was added, as it can be written in JSON; how it was to be logged left out. */
  readonly result: { readonly [key: string]: unknown };
}

/** Every change of the results of every session, as it happens. */
export interface ResultFeed {
  /** The returned function ends it. */
  subscribe(listener: (change: ResultChange) => void): () => void;
}
