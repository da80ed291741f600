/** What a reader of settings sees: the same for the core and for plugins. */
import type { Bytes } from "../base/bytes.ts";
import type { FileShape, Settings, Shape } from "./shape.ts";

/** A file's present value; `value` is always the last good one. */
export interface Live<T> {
  readonly value: T;
  /** Called after each successful reload; the returned function ends it. */
  onChange(listener: (value: T) => void): () => void;
}

export interface Config {
  /** Typed settings by shape. Throws ConfigError for a value of the wrong form; an unknown key is reported by `kasi check` and logged. */
  ini<S extends Shape>(file: FileShape<S>): Promise<Live<Settings<S>>>;
  /** Lines, trimmed; blanks and comments dropped. [] when the file is missing. */
  list(name: string): Promise<Live<readonly string[]>>;
  /** The first line that says something; undefined when there is none. */
  value(name: string): Promise<Live<string | undefined>>;
  /** Raw lines. [] when missing. */
  data(name: string): Promise<Live<readonly string[]>>;
  /** json, hjson or yaml by the name's ending. `{}` when missing. */
  tree(name: string): Promise<Live<unknown>>;
  binary(name: string): Promise<Live<Bytes | undefined>>;
  /** Absolute path of a file of the configuration, whether it exists or not. */
  path(name: string): string;
}
