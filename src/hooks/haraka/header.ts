/**
 * `transaction.header` and a part's `header` for Haraka's plugins (spec 01 §9.2).
 *
 * Before the message has come there is nothing to read, and what is edited is kept and done once it has. Values carry the line end
 * that the ancestor leaves them.
 */
import type { Header } from "../../mail/header.ts";

export type HeaderEdit = (header: Header) => void;

export class HeaderFace {
  readonly #header: () => Header | undefined;
  readonly #later: HeaderEdit[];

  constructor(header: () => Header | undefined, later: HeaderEdit[] = []) {
    this.#header = header;
    this.#later = later;
  }

  get(name: string): string {
    return this.get_all(name).join("\n");
  }
  get_all(name: string): readonly string[] {
    const fields = this.#header()?.fields ?? [];
    return fields.filter((field) => field.name.toLowerCase() === name.toLowerCase())
      .map(({ value }) => `${value.replace(/^[ \t]*/, "").replaceAll("\r\n", "\n")}\n`);
  }
  get_decoded(name: string): string {
    return this.#header()?.getDecoded(name) ?? "";
  }
  /** In front, as the ancestor's; `add_end` puts it behind. */
  add(name: string, value: unknown): void {
    this.#edit((header) => header.addLeading(name, String(value).trimEnd()));
  }
  add_end(name: string, value: unknown): void {
    this.#edit((header) => header.add(name, String(value).trimEnd()));
  }
  remove(name: string): void {
    this.#edit((header) => header.remove(name));
  }
  get header_list(): string[] {
    return (this.#header()?.fields ?? []).map(({ name, value }) => `${name}:${value.replaceAll("\r\n", "\n")}\n`);
  }
  lines(): string[] {
    return this.header_list;
  }
  get headers(): Record<string, string[]> {
    return this.#byName((name) => [...this.get_all(name)]);
  }
  get headers_decoded(): Record<string, string[]> {
    return this.#byName((name) => [this.get_decoded(name)]);
  }
  toString(): string {
    return this.header_list.join("\n");
  }

  #byName(values: (name: string) => string[]): Record<string, string[]> {
    const names = new Set((this.#header()?.fields ?? []).map(({ name }) => name.toLowerCase()));
    return Object.fromEntries([...names].map((name) => [name, values(name)]));
  }
  #edit(edit: HeaderEdit): void {
    const header = this.#header();
    if (header === undefined) this.#later.push(edit);
    else edit(header);
  }
}
