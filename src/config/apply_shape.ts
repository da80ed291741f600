/**
 * From an ini file and its shape to typed settings, and everything that is wrong with the file.
 *
 * Where a value came from stays known: {@linkcode placeOf} tells file and line of a key, or that it was not set at all.
 */
import type { ConfigFault } from "../base/config_error.ts";
import type { Ini, IniEntry, IniSection } from "./ini.ts";
import { nearestName } from "./nearest.ts";
import { readSetting } from "./read_setting.ts";
import type { FileShape, OpenSection, Section, Setting, Settings, Shape } from "./shape.ts";

export interface Applied<S extends Shape> {
  readonly settings: Settings<S>;
  /** Values of the wrong form. The settings hold the defaults in their place. */
  readonly faults: readonly ConfigFault[];
  /** Names nobody knows, names that have changed, lines that say nothing: worth telling, no reason to stop. */
  readonly warnings: readonly ConfigFault[];
}

export interface Place {
  readonly file: string;
  readonly line?: number;
}

type Found = { faults: ConfigFault[]; warnings: ConfigFault[] };
type Values = { [key: string]: unknown };

const places = new WeakMap<object, ReadonlyMap<string, Place>>();

/** Where a key of a section (`settings.main`) was set; undefined when it holds its default. "": where the heading of a section stands that was found by `*`. */
export function placeOf(section: object, key: string): Place | undefined {
  return places.get(section)?.get(key);
}

export function applyShape<S extends Shape>(file: FileShape<S>, ini: Ini): Applied<S> {
  const found: Found = { faults: [], warnings: [...ini.faults] };
  const settings: Values = {};
  const { "*": anyOther, ...named } = file.shape as Shape;
  const families: { readonly prefix: string; readonly section: Section; readonly values: Values }[] = [];
  for (const [name, section] of Object.entries(named)) {
    if (name.endsWith(" *") && !isOpen(section)) {
      const values: Values = settings[name] = Object.create(null);
      families.push({ prefix: name.slice(0, -1), section, values });
      continue;
    }
    const entries = ini.sections.get(name) ?? new Map();
    settings[name] = isOpen(section) ? openValues(entries) : sectionValues(name, section, entries, found);
  }
  const headingOf = (name: string): Place => ini.headings.get(name) ?? { file: file.file };
  const others: Values = Object.create(null);
  for (const [name, entries] of ini.sections) {
    if (Object.hasOwn(named, name)) continue;
    const family = families.find(({ prefix }) => name.startsWith(prefix) && name.length > prefix.length);
    if (family !== undefined) {
      const values = sectionValues(name, family.section, entries, found, headingOf(name));
      family.values[name.slice(family.prefix.length).trim()] = values;
    } else if (anyOther === undefined) reportUnknown(file, ini, name, Object.keys(named), found);
    else if (isOpen(anyOther)) others[name] = openValues(entries);
    else if (name !== "main" || entries.size > 0) {
      others[name] = sectionValues(name, anyOther, entries, found, headingOf(name));
    }
  }
  if (anyOther !== undefined) settings["*"] = others;
  return { settings: settings as Settings<S>, ...found };
}

export function isOpen(section: Section | OpenSection): section is OpenSection {
  return (section as OpenSection).open === true;
}

/** No prototype: a look-up by a name from outside finds only what was written. */
function openValues(entries: IniSection): Values {
  const out: Values = Object.create(null);
  for (const [key, { value }] of entries) out[key] = Array.isArray(value) ? value.join("\n") : value;
  places.set(out, entries);
  return out;
}

/** With a heading: one of several sections of a kind, which have no defaults. */
function sectionValues(name: string, section: Section, entries: IniSection, found: Found, heading?: Place): Values {
  const out: Values = {};
  const set = new Map<string, Place>(heading && [["", heading]]);
  const known = new Set(Object.keys(section));
  for (const [key, setting] of Object.entries(section)) {
    if (heading === undefined) out[key] = setting.type === "optional-text" ? undefined : setting.default;
    const [written, entry] = entryOf(key, setting, entries);
    for (const old of setting.was ?? []) known.add(old);
    if (entry === undefined) continue;
    const where = { file: entry.file, ...(entry.line === undefined ? {} : { line: entry.line }) };
    const setting_name = `[${name}] ${written}`;
    if (written !== key) found.warnings.push({ ...where, setting: setting_name, wanted: `its present name, ${key}` });
    const read = readSetting(setting, entry);
    if (!read.ok) found.faults.push({ ...where, setting: setting_name, ...currentOf(entry), wanted: read.wanted });
    else if (read.value !== undefined) {
      out[key] = read.value;
      set.set(key, where);
    }
  }
  for (const [key, entry] of entries) {
    if (known.has(key)) continue;
    const nearest = nearestName(key, Object.keys(section));
    found.warnings.push({
      file: entry.file,
      ...(entry.line === undefined ? {} : { line: entry.line }),
      setting: `[${name}] ${key}`,
      wanted: "a setting of this section",
      ...(nearest === undefined ? {} : { nearest }),
    });
  }
  places.set(out, set);
  return out;
}

function entryOf(key: string, setting: Setting, entries: IniSection): [string, IniEntry | undefined] {
  for (const name of [key, ...setting.was ?? []]) {
    const entry = entries.get(name);
    if (entry !== undefined) return [name, entry];
  }
  return [key, undefined];
}

function currentOf({ value }: IniEntry): { current?: string } {
  return value === undefined ? {} : { current: typeof value === "string" ? value : value.join(", ") };
}

function reportUnknown(file: FileShape, ini: Ini, name: string, known: readonly string[], found: Found): void {
  const entries = ini.sections.get(name)!;
  if (name === "main" && entries.size === 0) return;
  const first: Place | undefined = ini.headings.get(name) ?? entries.values().next().value;
  const nearest = nearestName(name, known);
  found.warnings.push({
    file: first?.file ?? file.file,
    ...(first?.line === undefined ? {} : { line: first.line }),
    setting: `[${name}]`,
    wanted: `a section of ${file.file}`,
    ...(nearest === undefined ? {} : { nearest }),
  });
}
