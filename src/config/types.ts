/** What a reader of settings sees: the same for the core and for plugins. */
import type { Bytes } from "../base/bytes.ts";
import type { ConfigFault } from "../base/config_error.ts";
import type { Logger } from "../log/types.ts";
import type { Ini } from "./ini.ts";
import type { FileShape, Settings, Shape } from "./shape.ts";

/** A file's present value; `value` is always the last good one. */
export interface Live<T> {
  readonly value: T;
  /** Called after each successful reload; the returned function ends it. */
  onChange(listener: (value: T) => void): () => void;
}

export interface ReadOptions {
  /** false: read once, never again (Haraka's `no_watch`). Default true. */
  readonly watch?: boolean;
}

/** A file found below a directory of the configuration. */
export interface DirectoryFile {
  /** Absolute. */
  readonly path: string;
  readonly data: Bytes;
}

export interface Config {
  /** Typed settings by shape. Throws ConfigError for a value of the wrong form; an unknown key is reported by `kasi check` and logged. */
  ini<S extends Shape>(file: FileShape<S>, options?: ReadOptions): Promise<Live<Settings<S>>>;
  /** Lines, trimmed; blanks and comments dropped. [] when the file is missing. */
  list(name: string, options?: ReadOptions): Promise<Live<readonly string[]>>;
  /** The first line that says something; undefined when there is none. */
  value(name: string, options?: ReadOptions): Promise<Live<string | undefined>>;
  /** Raw lines. [] when missing. */
  data(name: string, options?: ReadOptions): Promise<Live<readonly string[]>>;
  /** json, hjson or yaml by the name's ending. `{}` when missing. */
  tree(name: string, options?: ReadOptions): Promise<Live<unknown>>;
  binary(name: string, options?: ReadOptions): Promise<Live<Bytes | undefined>>;
  /** Every file below a directory, by path; [] when there is none. */
  directory(name: string, options?: ReadOptions): Promise<Live<readonly DirectoryFile[]>>;
  /** Absolute path of a file of the configuration, whether it exists or not. */
  path(name: string): string;
  /** At once and without a shape, for plugins that know none (`hooks/haraka`): lists and values as above, ini files with what stands there. */
  untyped<K extends keyof Untyped>(kind: K, name: string, options?: ReadOptions): Live<Untyped[K]>;
  /** This configuration over the `config/` directory that a package brings, `directory` (absolute). Closed with this one. */
  over(directory: string): Config;
}

/** What {@linkcode Config.untyped} gives, by kind of file. */
export interface Untyped {
  readonly ini: Ini;
  readonly list: readonly string[];
  readonly value: string | undefined;
  readonly data: readonly string[];
  readonly tree: unknown;
  readonly binary: Bytes | undefined;
}

/** The whole of it, as `createConfig` gives it to the server. */
export interface SiteConfig extends Config {
  /** The machine's name, for `me` when the site does not say it. */
  readonly hostname: string;
  readonly log: Logger;
  /** Logs a fault, by default as one that is done without, and tells `onFault`. */
  report(fault: ConfigFault, event?: "config_passed_over" | "config_fault"): void;
  /** The number in a value file; the default when it is missing or says something else (which is logged). */
  getInt(name: string, fallback: number): Promise<number>;
  /** A configuration of a package: its own `config/` as defaults, the site's `config/` over it. Closed with this one. */
  moduleConfig(defaultsDir: string, overridesDir: string): SiteConfig;
  /** All that is wrong with an ini file: bad lines, unknown names, values of the wrong form. Nothing is thrown or logged. */
  faults(file: FileShape): readonly ConfigFault[];
  /** Names of the files of the site's directory, sub-directories included (`tls/mx.pem`). */
  names(): readonly string[];
  /** Looks now at every file that was read and takes over what has changed (SIGHUP). */
  reload(): void;
  /** Stops watching. */
  close(): void;
}
