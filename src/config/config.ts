/**
 * The configuration of a site: its directory over the shipped defaults, read on demand and kept up to date.
 *
 * Promises that `value` of anything it gave out is the last good one. The first reading of a file throws ConfigError when it cannot be read,
 * is not well-formed or holds a value of the wrong form; a later one only logs it. Unknown names are logged and told to `onFault`.
 * `close` ends the watching.
 */
import type { Clock } from "../base/clock.ts";
import { ConfigError, describeFault } from "../base/config_error.ts";
import type { ConfigFault } from "../base/config_error.ts";
import type { Logger } from "../log/types.ts";
import { applyShape } from "./apply_shape.ts";
import { binaryOf, dataOf, iniOf, listOf, treeOf, valueOf } from "./formats.ts";
import type { Content } from "./formats.ts";
import { CORE_FILES } from "./files/core_files.ts";
import { Layers, sameLayers } from "./layers.ts";
import type { ConfigHost } from "./layers.ts";
import { LiveValue } from "./live.ts";
import { mergeShapes } from "./merge_shapes.ts";
import { Overrides } from "./overrides.ts";
import type { FileShape, Settings, Shape } from "./shape.ts";
import { treeFileNames } from "./tree.ts";
import type { DirectoryFile, Live, ReadOptions, SiteConfig, Untyped } from "./types.ts";
import { Quiet, watchDirectory } from "./watcher.ts";

export interface ConfigOptions {
  readonly host: ConfigHost;
  /** The directory that holds `smtp.ini`. */
  readonly dir: string;
  /** Values of the wrong form are passed over, as if they were not set: for `kasi check`, which lists them by `faults()`. */
  readonly tolerant?: boolean;
  /** Shipped defaults that the site's files lie over. */
  readonly defaultsDir?: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Each fault that does not stop the start. */
  readonly onFault?: (fault: ConfigFault) => void;
  /** false: nothing is watched; `reload()` still works. Default true. */
  readonly watch?: boolean;
  /** Milliseconds without a change before a file is read again. Default 5 000. */
  readonly quietMs?: number;
  /** The same for directories. Default 2 000. */
  readonly directoryQuietMs?: number;
}

/** A file that was read: looks whether it has changed, and takes the change over. */
interface Opened {
  readonly isDirectory: boolean;
  refresh(): void;
}

export function createConfig(options: ConfigOptions): SiteConfig {
  return new FileConfig(options);
}

class FileConfig implements SiteConfig {
  readonly #options: ConfigOptions;
  readonly #layers: Layers;
  readonly #overrides = new Overrides();
  readonly #opened: Opened[] = [];
  /** One live value for a file however many read it; shapes are told apart by identity. */
  readonly #cache = new Map<unknown, Live<unknown>>();
  readonly #children: SiteConfig[] = [];
  readonly #stops: (() => void)[] = [];

  constructor(options: ConfigOptions) {
    this.#options = options;
    this.#layers = new Layers(options.host, options.dir, options.defaultsDir);
    this.#openTree("smtp.json", {});
    if (options.watch ?? true) this.#watch();
  }

  get hostname(): string {
    return this.#options.host.hostname();
  }
  get log(): Logger {
    return this.#options.log;
  }

  ini<S extends Shape>(file: FileShape<S>, options: ReadOptions = {}): Promise<Live<Settings<S>>> {
    return this.#open(file, [file.file], options, (content) => this.#settings(file, content));
  }
  list(name: string, options: ReadOptions = {}): Promise<Live<readonly string[]>> {
    return this.#open(`list ${name}`, [name], options, listOf);
  }
  value(name: string, options: ReadOptions = {}): Promise<Live<string | undefined>> {
    return this.#open(`value ${name}`, [name], options, valueOf);
  }
  data(name: string, options: ReadOptions = {}): Promise<Live<readonly string[]>> {
    return this.#open(`data ${name}`, [name], options, dataOf);
  }
  binary(name: string, options: ReadOptions = {}): Promise<Live<Uint8Array<ArrayBuffer> | undefined>> {
    return this.#open(`binary ${name}`, [name], options, binaryOf);
  }
  tree(name: string, options: ReadOptions = {}): Promise<Live<unknown>> {
    return attempt(() => this.#openTree(name, options));
  }

  async getInt(name: string, fallback: number): Promise<number> {
    const text = (await this.value(name)).value;
    if (text === undefined) return fallback;
    if (/^[+-]?\d+$/.test(text)) return Number(text);
    this.report({ file: this.path(name), current: text, wanted: "an integer" });
    return fallback;
  }

  directory(name: string, options: ReadOptions = {}): Promise<Live<readonly DirectoryFile[]>> {
    const read = () => ({ layers: this.#layers.readTree(name) });
    const parse = ({ layers }: Content) => layers.map(({ path, bytes }) => ({ path, data: bytes }));
    return attempt(() => this.#openWith(`directory ${name}`, name, read, parse, options, true));
  }

  untyped<K extends keyof Untyped>(kind: K, name: string, options: ReadOptions = {}): Live<Untyped[K]> {
    if (kind === "tree") return this.#openTree(name, options) as Live<Untyped[K]>;
    const parse = UNTYPED[kind as keyof typeof UNTYPED];
    const read = () => this.#read([name]);
    return this.#openWith(
      `untyped ${kind} ${name}`,
      name,
      read,
      (content) => parse(name, content),
      options,
      false,
    ) as Live<
      Untyped[K]
    >;
  }

  over(directory: string): SiteConfig {
    return this.#child(this.#layers.dir, directory);
  }

  moduleConfig(defaultsDir: string, overridesDir: string): SiteConfig {
    return this.#child(`${overridesDir}/config`, `${defaultsDir}/config`);
  }

  #child(dir: string, defaultsDir: string): SiteConfig {
    const child = new FileConfig({ ...this.#options, dir, defaultsDir });
    this.#children.push(child);
    return child;
  }

  path(name: string): string {
    return this.#layers.path(name);
  }

  faults(file: FileShape): readonly ConfigFault[] {
    try {
      const { faults, warnings } = applyShape(file, iniOf(file.file, this.#read([file.file])));
      return [...faults, ...warnings].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    } catch (reason) {
      if (reason instanceof ConfigError) return [reason.fault];
      throw reason;
    }
  }

  names(): readonly string[] {
    return this.#layers.names();
  }

  reload(): void {
    this.#refresh((opened) => !opened.isDirectory);
    this.#refresh((opened) => opened.isDirectory);
    for (const child of this.#children) child.reload();
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const child of this.#children.splice(0)) child.close();
  }

  #open<T>(
    key: unknown,
    names: readonly string[],
    options: ReadOptions,
    parse: (content: Content) => T,
  ): Promise<Live<T>> {
    return attempt(() => this.#openWith(key, names[0]!, () => this.#read(names), parse, options, false));
  }

  #openTree(name: string, options: ReadOptions): Live<unknown> {
    const names = treeFileNames(name);
    return this.#openWith(
      `tree ${name}`,
      name,
      () => this.#read(names),
      (content) => {
        const tree = treeOf(content);
        const source = content.layers.at(-1)?.path ?? this.path(name);
        for (const replaced of this.#overrides.learn(name, source, tree)) {
          this.#options.log.info(`Overriding file ${replaced} with config from ${source}`);
        }
        return tree;
      },
      options,
      false,
    );
  }

  #openWith<T>(
    key: unknown,
    name: string,
    read: () => Content,
    parse: (content: Content) => T,
    options: ReadOptions,
    isDirectory: boolean,
  ): Live<T> {
    const watched = options.watch ?? true;
    const known = watched ? this.#cache.get(key) : undefined;
    if (known !== undefined) return known as Live<T>;
    let content = read();
    const live = new LiveValue(parse(content));
    if (!watched) return live;
    this.#cache.set(key, live);
    const refresh = () => {
      const file = this.path(name);
      try {
        const next = read();
        if (sameLayers(content.layers, next.layers) && content.override === next.override) return;
        // Also when it cannot be understood: it is told once, not at each look.
        content = next;
        const value = parse(next);
        this.#options.log.event("config_reloaded", { file });
        live.set(value, (reason) => this.#fail(file, reason));
      } catch (reason) {
        this.#fail(file, reason);
      }
    };
    this.#opened.push({ isDirectory, refresh });
    return live;
  }

  #read(names: readonly string[]): Content {
    const override = this.#overrides.find(names[0]!);
    return { layers: this.#layers.read(names), ...(override === undefined ? {} : { override }) };
  }

  #settings<S extends Shape>(file: FileShape<S>, content: Content): Settings<S> {
    const ini = iniOf(file.file, content);
    const { settings, faults } = applyShape(file, ini);
    if (faults[0] !== undefined && !this.#options.tolerant) throw new ConfigError(faults[0]);
    // A plugin may know a part of one of the core's files; what the core knows of it is not unknown.
    const core = CORE_FILES.filter((known) => known.file === file.file && known !== file);
    const { warnings } = applyShape(mergeShapes([...core, file]).get(file.file)!, ini);
    for (const warning of warnings) this.report(warning);
    return settings;
  }

  #watch(): void {
    const { host, clock, log, quietMs = 5_000, directoryQuietMs = 2_000 } = this.#options;
    const quiet = [
      new Quiet(clock, quietMs, () => this.#refresh((opened) => !opened.isDirectory)),
      new Quiet(clock, directoryQuietMs, () => this.#refresh((opened) => opened.isDirectory)),
    ];
    const watching = watchDirectory(
      host,
      this.#layers.dir,
      () => quiet.forEach((each) => each.poke()),
      (reason) =>
        log.warn("Configuration is not watched: changes count after SIGHUP", {
          dir: this.#layers.dir,
          reason: textOf(reason),
        }),
    );
    this.#stops.push(() => {
      watching.close();
      for (const each of quiet) each.cancel();
    });
  }

  #refresh(which: (opened: Opened) => boolean): void {
    const due = this.#opened.filter(which);
    for (const opened of due) opened.refresh();
    // A tree file may have learnt overrides for files looked at before it; unchanged ones cost one reading.
    if (this.#overrides.names().size > 0) { for (const opened of due) opened.refresh(); }
  }

  report(fault: ConfigFault, event: "config_passed_over" | "config_fault" = "config_passed_over"): void {
    this.#options.log.event(event, { file: fault.file, reason: describeFault(fault) });
    this.#options.onFault?.(fault);
  }

  #fail(file: string, reason: unknown): void {
    if (reason instanceof ConfigError) this.report(reason.fault, "config_fault");
    else this.#options.log.event("config_fault", { file, reason: textOf(reason) });
  }
}

/** Kinds that need nothing but the file's content. */
const UNTYPED = {
  ini: iniOf,
  list: (_name: string, content: Content) => listOf(content),
  value: (_name: string, content: Content) => valueOf(content),
  data: (_name: string, content: Content) => dataOf(content),
  binary: (_name: string, content: Content) => binaryOf(content),
};

/** What `run` throws becomes the promise's rejection. */
function attempt<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => resolve(run()));
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
