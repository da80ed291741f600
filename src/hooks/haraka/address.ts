/**
 * Envelope addresses as Haraka's plugins know them. There are two generations: with Haraka up to 3.1.6 `address()` is a method, with the
 * address library of later packages `address` is a text. A plugin gets the one it was written for ({@linkcode addressStyle} reads
 * that off its source); one that says both gets something that is both.
 */
import { type Address, parseAddress } from "../../mail/address.ts";

export type AddressStyle = "method" | "text" | "both";

export function addressStyle(source: string): AddressStyle {
  const called = /\.address\s*(?:\?\.)?\(/.test(source);
  const read = /\.address\b(?!\s*(?:\?\.)?\()/.test(source);
  return called && read ? "both" : read ? "text" : "method";
}

/** Read by plugins, never changed by us: another address is another object. */
export class AddressFace {
  readonly original: string;
  readonly user: string;
  readonly host: string;
  readonly original_host: string;
  readonly is_utf8: boolean;
  readonly address!: unknown;
  readonly #ours: Address;

  constructor(ours: Address, style: AddressStyle) {
    this.#ours = ours;
    this.original = `<${ours.original}>`;
    this.user = ours.user;
    this.host = ours.host;
    this.original_host = ours.originalHost;
    this.is_utf8 = ours.isUtf8;
    // The domain as it was typed, as the ancestor's.
    const typed = ours.format({ utf8: true }).slice(1, -1);
    Object.defineProperty(this, "address", { value: addressOf(typed, style), enumerable: style === "text" });
  }

  format(usePunycode = false): string {
    return this.#ours.format({ utf8: !usePunycode });
  }
  isNull(): boolean {
    return this.#ours.isNull();
  }
  toString(): string {
    return this.#ours.format({ utf8: true });
  }
  toJSON(): unknown {
    return this.#ours.toJSON();
  }
  /** The address behind a face, or one read from another library's object or from text; undefined for what is none. */
  static ours(value: unknown): Address | undefined {
    if (value instanceof AddressFace) return value.#ours;
    if (typeof value === "string") return parseAddress(value);
    if (typeof value !== "object" || value === null) return undefined;
    const { user, host } = value as { user?: unknown; host?: unknown };
    // The other library writes itself with its brackets.
    if (typeof user === "string") return parseAddress(user === "" && !host ? "<>" : String(value));
    return undefined;
  }
}

function addressOf(text: string, style: AddressStyle): unknown {
  if (style === "text") return text;
  const call = () => text;
  if (style === "method") return call;
  // String's methods ask for `toString()` first, so they work on a function that has one of its own.
  const both = Object.assign(call, { toString: call, valueOf: call, toJSON: call });
  Object.setPrototypeOf(both, String.prototype);
  return Object.defineProperty(both, "length", { value: text.length });
}

/** `require('address-rfc2821')` for a site that has no such package: `new Address("<a@b>")` or `new Address("a", "b")`. */
export function addressModule(style: AddressStyle): { readonly Address: unknown } {
  function Address(given: unknown, host?: unknown): AddressFace {
    const ours = AddressFace.ours(host === undefined ? given : `${given}@${host}`);
    if (ours === undefined) throw new Error(`Invalid address: ${String(given)}`);
    return new AddressFace(ours, style);
  }
  Address.prototype = AddressFace.prototype;
  return { Address };
}
