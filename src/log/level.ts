/** Reading a level from configuration. */
import { type LevelName, LEVELS } from "./types.ts";

const NAMES = Object.keys(LEVELS) as LevelName[];

/** `info`, `6`, `LOGINFO` in any case; undefined for anything else. */
export function parseLevel(text: string): LevelName | undefined {
  const word = text.trim().toUpperCase();
  if (/^\d$/.test(word)) return NAMES[Number(word)];
  const name = word.startsWith("LOG") ? word.slice(3) : word;
  return Object.hasOwn(LEVELS, name) ? name as LevelName : undefined;
}
