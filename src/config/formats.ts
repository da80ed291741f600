/** How the bytes of a file, over those of its default, become a value: one function for each kind of file (spec 01 §4.1, §4.3). */
import { utf8Decode } from "../base/bytes.ts";
import type { Bytes } from "../base/bytes.ts";
import { iniFromTree, mergeIni, parseIni } from "./ini.ts";
import type { Ini } from "./ini.ts";
import type { Layer } from "./layers.ts";
import { parseData, parseList, parseValue } from "./lines.ts";
import { mergeTrees, parseTree } from "./tree.ts";

/** What a `!file` key of a tree file says in place of the whole file. */
export interface Override {
  readonly value: unknown;
  /** The file it stands in. */
  readonly source: string;
}
export interface Content {
  readonly layers: readonly Layer[];
  readonly override?: Override;
}

export function iniOf(name: string, { layers, override }: Content): Ini {
  if (override) return iniFromTree(override.value, override.source);
  return layers.map(({ path, bytes }) => parseIni(utf8Decode(bytes), path)).reduce(mergeIni, parseIni("", name));
}

export function listOf({ layers, override }: Content): readonly string[] {
  return override ? linesOf(override) : lastNonEmpty(layers, parseList);
}

export function dataOf({ layers, override }: Content): readonly string[] {
  return override ? linesOf(override) : lastNonEmpty(layers, parseData);
}

export function valueOf({ layers, override }: Content): string | undefined {
  if (override) return linesOf(override)[0];
  return layers.map(({ bytes }) => parseValue(utf8Decode(bytes))).findLast((value) => value !== undefined);
}

/** A file of nothing says nothing: the default holds, or `{}`. */
export function treeOf({ layers, override }: Content): unknown {
  if (override) return override.value;
  return layers.map(({ path, bytes }) => parseTree(utf8Decode(bytes), path)).reduce(mergeTrees, {});
}

export function binaryOf({ layers, override }: Content): Bytes | undefined {
  if (override) return new TextEncoder().encode(String(override.value));
  return layers.at(-1)?.bytes;
}

function lastNonEmpty(layers: readonly Layer[], parse: (text: string) => readonly string[]): readonly string[] {
  return layers.map(({ bytes }) => parse(utf8Decode(bytes))).findLast((lines) => lines.length > 0) ?? [];
}

function linesOf({ value }: Override): readonly string[] {
  return Array.isArray(value) ? value.map(String) : value === null || value === undefined ? [] : [String(value)];
}
