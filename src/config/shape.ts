/**
 * Shapes: every setting of a file declared once, with type, default and prose.
 *
 * From a shape come the typed settings a reader gets, the check of what the operator wrote, and the page in `docs/config/`.
 */

interface Common {
  /** What it means, in a sentence or two; units included. */
  readonly about: string;
  /** Earlier names of this key in the same section, still read, with a notice. */
  readonly was?: readonly string[];
}
export interface BooleanSetting extends Common {
  readonly type: "boolean";
  readonly default: boolean;
}
export interface IntegerSetting extends Common {
  readonly type: "integer";
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
}
export interface NumberSetting extends Common {
  readonly type: "number";
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
}
export interface TextSetting extends Common {
  readonly type: "text";
  readonly default: string;
}
/** No default: `undefined` when unset. */
export interface OptionalSetting extends Common {
  readonly type: "optional-text";
}
export interface ChoiceSetting<C extends string = string> extends Common {
  readonly type: "choice";
  readonly of: readonly C[];
  readonly default: C;
}
/** Comma- or space-separated, or `key[] =` lines. */
export interface WordsSetting extends Common {
  readonly type: "words";
  readonly default: readonly string[];
}
/** Whole lines of text: one as `key = a text`, more as `key[] = a text` lines. */
export interface LinesSetting extends Common {
  readonly type: "lines";
  readonly default: readonly string[];
}
export type Setting =
  | BooleanSetting
  | IntegerSetting
  | NumberSetting
  | TextSetting
  | OptionalSetting
  | ChoiceSetting
  | WordsSetting
  | LinesSetting;

export type Section = { readonly [key: string]: Setting };
/**
 * Sections by name. `"source *"` stands for all whose names begin with `source` and a blank, `"*"` for any other section (per-domain sections);
 * a {@linkcode OpenSection} takes any key.
 */
export interface OpenSection {
  readonly open: true;
  readonly about: string;
}
export type Shape = { readonly [section: string]: Section | OpenSection };

export type ValueOf<S extends Setting> = S extends BooleanSetting ? boolean
  : S extends IntegerSetting | NumberSetting ? number
  : S extends ChoiceSetting<infer C> ? C
  : S extends OptionalSetting ? string | undefined
  : S extends WordsSetting | LinesSetting ? readonly string[]
  : string;

type SectionValues<S extends Section> = { readonly [K in keyof S]: ValueOf<S[K]> };

/**
 * The settings a shape gives: known sections typed, `"*"` and `"source *"` as records of sections (by what stands for the star), open sections as
 * records of raw text (`undefined` for a bare key).
 */
export type Settings<S extends Shape> =
  & {
    readonly [N in Exclude<keyof S, "*">]: N extends `${string} *`
      ? S[N] extends Section ? { readonly [section: string]: Partial<SectionValues<S[N]>> } : never
      : S[N] extends OpenSection ? { readonly [key: string]: string | undefined }
      : S[N] extends Section ? SectionValues<S[N]>
      : never;
  }
  & (S extends { readonly "*": infer W extends Section }
    ? { readonly "*": { readonly [section: string]: Partial<SectionValues<W>> } }
    : S extends { readonly "*": OpenSection }
      ? { readonly "*": { readonly [section: string]: { readonly [key: string]: string | undefined } } }
    : unknown);

/** What `kasi check`, `docs/config/` and the loader know of a file. */
export interface FileShape<S extends Shape = Shape> {
  /** `smtp.ini`. */
  readonly file: string;
  readonly about: string;
  readonly shape: S;
}
/** Keeps literal types: `export const SMTP_INI = fileShape({ file: "smtp.ini", about: "…", shape: {…} })`. */
export function fileShape<const S extends Shape>(declared: FileShape<S>): FileShape<S> {
  return declared;
}
