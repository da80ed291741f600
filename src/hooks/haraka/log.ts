/** `logdebug`, `loginfo`, `lognotice` … on everything a plugin of Haraka's holds: text, plugins, connections in any order (spec 01 §6). */
import { type LevelName, LEVELS, type Logger } from "../../log/types.ts";
import { hidden } from "./stores.ts";

export type LogMethods = { readonly [K in `log${Lowercase<LevelName>}`]: (...said: unknown[]) => void };

/** `origin`: whose lines they are when no plugin is among the arguments. */
export function logMethods(on: object, log: Logger): void {
  for (const level of Object.keys(LEVELS) as LevelName[]) {
    hidden(on, `log${level.toLowerCase()}`, (...said: unknown[]) => write(log, level, said));
  }
}

function write(log: Logger, level: LevelName, said: readonly unknown[]): void {
  if (!log.enabled(level)) return;
  const words: string[] = [];
  const ids: { uuid?: string; origin?: string } = {};
  for (const one of said) {
    if (typeof one === "object" && one !== null && !(one instanceof Error)) {
      const { uuid, name, register_hook } = one as { uuid?: unknown; name?: unknown; register_hook?: unknown };
      if (typeof uuid === "string") ids.uuid = uuid;
      else if (typeof name === "string" && typeof register_hook === "function") ids.origin = name;
      else words.push(asText(one));
    } else words.push(asText(one));
  }
  (ids.uuid === undefined && ids.origin === undefined ? log : log.child(ids)).log(level, words.join(" "));
}

function asText(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return String(value);
  }
}
