/** The process-wide loggers of `@std/log` 0.224. */
import type { BaseHandler } from "./base_handler.ts";
import { ConsoleHandler } from "./console_handler.ts";
import type { LevelName } from "./levels.ts";
import { type GenericFunction, Logger } from "./logger.ts";

export interface LoggerConfig {
  level?: LevelName;
  handlers?: string[];
}

export interface LogConfig {
  handlers?: { [name: string]: BaseHandler };
  loggers?: { [name: string]: LoggerConfig };
}

const DEFAULT_LEVEL: LevelName = "INFO";
const handlers = new Map<string, BaseHandler>([["default", new ConsoleHandler(DEFAULT_LEVEL)]]);
const loggers = new Map<string, Logger>([
  ["default", new Logger("default", DEFAULT_LEVEL, { handlers: [handlers.get("default")!] })],
]);

/** Replaces all handlers and loggers; the old handlers are destroyed. */
export function setup(config: LogConfig): void {
  for (const handler of handlers.values()) handler.destroy();
  handlers.clear();
  const named = config.handlers ?? { default: new ConsoleHandler(DEFAULT_LEVEL) };
  for (const [name, handler] of Object.entries(named)) {
    handler.setup();
    handlers.set(name, handler);
  }
  loggers.clear();
  const wanted = config.loggers ?? { default: { level: DEFAULT_LEVEL, handlers: ["default"] } };
  for (const [name, { level = DEFAULT_LEVEL, handlers: names = [] }] of Object.entries(wanted)) {
    const found = names.map((handler) => handlers.get(handler)).filter((handler) => handler !== undefined);
    loggers.set(name, new Logger(name, level, { handlers: found }));
  }
}

/** The logger of that name; an unknown name makes one without handlers. */
export function getLogger(name?: string): Logger {
  const key = name ?? "default";
  let logger = loggers.get(key);
  if (logger === undefined) loggers.set(key, logger = new Logger(key, "NOTSET", { handlers: [] }));
  return logger;
}

export function debug<T>(msg: () => T, ...args: unknown[]): T | undefined;
export function debug<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
export function debug<T>(msg: (T extends GenericFunction ? never : T) | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().debug(msg as () => T, ...args);
}

export function info<T>(msg: () => T, ...args: unknown[]): T | undefined;
export function info<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
export function info<T>(msg: (T extends GenericFunction ? never : T) | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().info(msg as () => T, ...args);
}

export function warn<T>(msg: () => T, ...args: unknown[]): T | undefined;
export function warn<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
export function warn<T>(msg: (T extends GenericFunction ? never : T) | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().warn(msg as () => T, ...args);
}

export function error<T>(msg: () => T, ...args: unknown[]): T | undefined;
export function error<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
export function error<T>(msg: (T extends GenericFunction ? never : T) | (() => T), ...args: unknown[]): T | undefined {
  return getLogger().error(msg as () => T, ...args);
}

export function critical<T>(msg: () => T, ...args: unknown[]): T | undefined;
export function critical<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
export function critical<T>(
  msg: (T extends GenericFunction ? never : T) | (() => T),
  ...args: unknown[]
): T | undefined {
  return getLogger().critical(msg as () => T, ...args);
}
