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
  /** Log the summary at INFO. */
  emit?: boolean;
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
