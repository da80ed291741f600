/** One value of an ini file, as its declared type wants it: the value, or in words what would be right. */
import type { IniEntry } from "./ini.ts";
import type { ChoiceSetting, IntegerSetting, NumberSetting, Setting } from "./shape.ts";

/** `value` undefined: as if nothing stood there. */
export type ReadValue =
  | { readonly ok: true; readonly value: boolean | number | string | readonly string[] | undefined }
  | { readonly ok: false; readonly wanted: string };

const UNSET: ReadValue = { ok: true, value: undefined };
const good = (value: boolean | number | string | readonly string[]): ReadValue => ({ ok: true, value });
const bad = (wanted: string): ReadValue => ({ ok: false, wanted });

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["true", "yes", "ok", "enabled", "on", "1"].map((word) => [word, true] as const),
  ...["false", "no", "off", "disabled", "0", ""].map((word) => [word, false] as const),
]);

export function readSetting(setting: Setting, entry: IniEntry): ReadValue {
  const { value } = entry;
  if (value === undefined) return bad(`a value: key = ${wantedOf(setting)}`);
  if (setting.type === "words") return good(typeof value === "string" ? splitWords(value) : value);
  if (setting.type === "lines") return good(typeof value !== "string" ? value : value === "" ? [] : [value]);
  // Of `key[] =` lines where one value is meant, the last counts, as with a key that stands there twice.
  const text = typeof value === "string" ? value : value.at(-1) ?? "";
  if (setting.type === "text") return good(text);
  if (setting.type === "boolean") {
    const word = BOOLEANS.get(text.toLowerCase());
    return word === undefined ? bad(wantedOf(setting)) : good(word);
  }
  if (text === "") return UNSET;
  switch (setting.type) {
    case "optional-text":
      return good(text);
    case "integer":
      return /^[+-]?\d+$/.test(text) ? inRange(setting, Number(text)) : bad(wantedOf(setting));
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? inRange(setting, Number(text)) : bad(wantedOf(setting));
    case "choice":
      return choose(setting, text);
  }
}

/** What a setting takes, in words. */
export function wantedOf(setting: Setting): string {
  switch (setting.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `an integer${rangeOf(setting)}`;
    case "number":
      return `a number${rangeOf(setting)}`;
    case "choice":
      return `one of ${setting.of.join(", ")}`;
    case "words":
      return "words separated by commas or blanks";
    case "lines":
    case "text":
    case "optional-text":
      return "a text";
  }
}

export function splitWords(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function inRange(setting: IntegerSetting | NumberSetting, value: number): ReadValue {
  const fits = value >= (setting.min ?? -Infinity) && value <= (setting.max ?? Infinity) &&
    (setting.type === "number" || Number.isSafeInteger(value));
  return fits ? good(value) : bad(wantedOf(setting));
}

function rangeOf({ min, max }: IntegerSetting | NumberSetting): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return `, ${min} or more`;
  return max === undefined ? "" : `, ${max} or less`;
}

function choose(setting: ChoiceSetting, text: string): ReadValue {
  const chosen = setting.of.find((choice) => choice.toLowerCase() === text.toLowerCase());
  return chosen === undefined ? bad(wantedOf(setting)) : good(chosen);
}
