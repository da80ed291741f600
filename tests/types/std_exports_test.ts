/**
 * The stand-ins of `src/std/` hold to a written list of what the JSR packages export, by name and by signature.
 *
 * The signatures are asserted as types, so a stand-in that strays does not compile; run with `--config deno.jsr.json` the same file
 * holds the real packages to the list.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as ini from "@std/ini";
import type { ParseOptions, StringifyOptions } from "@std/ini";
import * as log from "@std/log";
import type { LevelName, LogConfig, LogLevel, LogRecordOptions } from "@std/log";
import * as time from "@std/testing/time";
import type { FakeTimeOptions } from "@std/testing/time";
import { test } from "../kit/test.ts";

const written = JSON.parse(readFileSync(new URL("../data/std_exports.json", import.meta.url), "utf8")) as {
  readonly [name: string]: { readonly values: { readonly [name: string]: string }; readonly types: readonly string[] };
};
const modules: { readonly [name: string]: object } = { "@std/ini": ini, "@std/log": log, "@std/testing/time": time };

/** Each line compiles only while the export has this signature. */
export const signatures = {
  parse: ini.parse satisfies (text: string, options?: ParseOptions) => object,
  stringify: ini.stringify satisfies (object: object, options?: StringifyOptions) => string,
  reviver: { reviver: (_key: string, value: string, _section?: string) => value } satisfies ParseOptions,
  replacer: {
    pretty: true,
    replacer: (_key: string, value: unknown, _section?: string) => String(value),
  } satisfies StringifyOptions,
  getLogger: log.getLogger satisfies (name?: string) => log.Logger,
  setup: log.setup satisfies (config: LogConfig) => void,
  getLevelByName: log.getLevelByName satisfies (name: LevelName) => LogLevel,
  getLevelName: log.getLevelName satisfies (level: LogLevel) => LevelName,
  levels: log.LogLevels satisfies { NOTSET: 0; DEBUG: 10; INFO: 20; WARN: 30; ERROR: 40; CRITICAL: 50 },
  names: log.LogLevelNames satisfies readonly LevelName[],
  json: log.formatters.jsonFormatter satisfies (record: log.LogRecord) => string,
  jsonFormatter: log.jsonFormatter satisfies (record: log.LogRecord) => string,
  debug: log.debug satisfies (msg: string, ...args: unknown[]) => string | undefined,
  info: log.info satisfies (msg: () => number, ...args: unknown[]) => number | undefined,
  warn: log.warn satisfies (msg: string, ...args: unknown[]) => string | undefined,
  error: log.error satisfies (msg: string, ...args: unknown[]) => string | undefined,
  critical: log.critical satisfies (msg: string, ...args: unknown[]) => string | undefined,
  record: log.LogRecord satisfies new (options: LogRecordOptions) => {
    readonly msg: string;
    readonly args: unknown[];
    readonly datetime: Date;
    readonly level: number;
    readonly levelName: string;
    readonly loggerName: string;
  },
  logger: log.Logger satisfies new (name: string, level: LevelName, options?: { handlers?: log.BaseHandler[] }) => {
    level: LogLevel;
    levelName: LevelName;
    readonly loggerName: string;
    handlers: log.BaseHandler[];
    asString(data: unknown, isProperty?: boolean): string;
  },
  handler: log.BaseHandler satisfies abstract new (
    level: LevelName,
    options?: { formatter?: log.FormatterFunction },
  ) => {
    level: LogLevel;
    levelName: LevelName;
    formatter: log.FormatterFunction;
    handle(record: log.LogRecord): void;
    format(record: log.LogRecord): string;
    log(msg: string): void;
    setup(): void;
    destroy(): void;
  } & Disposable,
  console: log.ConsoleHandler satisfies new (level: LevelName, options?: { useColors?: boolean }) => log.BaseHandler,
  fakeTime: time.FakeTime satisfies new (start?: number | string | Date | null, options?: FakeTimeOptions) => {
    now: number;
    start: number;
    delay(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
    runMicrotasks(): Promise<void>;
    tick(ms?: number): void;
    tickAsync(ms?: number): Promise<void>;
    next(): boolean;
    nextAsync(): Promise<boolean>;
    runAll(): void;
    runAllAsync(): Promise<void>;
    restore(): void;
  } & Disposable,
  timeError: time.TimeError satisfies new (message: string) => Error,
} as const;

test("every value on the list is exported", () => {
  for (const [name, { values }] of Object.entries(written)) {
    const exported = new Set(Object.keys(modules[name]!));
    const missing = Object.keys(values).filter((value) => !exported.has(value));
    assert.deepEqual(missing, [], name);
  }
  assert.deepEqual(Object.keys(written).sort(), Object.keys(modules).sort());
});

test("a stand-in exports nothing that is not on the list, types included", () => {
  const entries = { "@std/ini": "ini/mod.ts", "@std/log": "log/mod.ts", "@std/testing/time": "testing/time.ts" };
  for (const [name, file] of Object.entries(entries)) {
    const source = readFileSync(new URL(`../../src/std/${file}`, import.meta.url), "utf8");
    const found = new Set<string>();
    for (
      const [, kind] of source.matchAll(
        /^export (?:abstract )?(?:async )?(?:class|function|const|type|interface) (\w+)/gm,
      )
    ) found.add(kind!);
    for (const [, list] of source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)) {
      for (const item of list!.split(",")) if (item.trim() !== "") found.add(item.trim().replace(/^type /, ""));
    }
    const { values, types } = written[name]!;
    assert.deepEqual([...found].sort(), [...Object.keys(values), ...types].sort(), name);
  }
});
