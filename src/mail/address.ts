/**
 * An envelope address, as Haraka's users know it.
 *
 * Immutable. `host` is lower-case A-labels, `originalHost` is what was typed. Made by {@linkcode parseAddress} from text,
 * by {@linkcode makeAddress} from a path the wire has read, by {@linkcode addressFromJson} from a queue file. Nothing throws
 * for what a peer sent.
 */
import { parsePath, type PathParts } from "../wire/path.ts";

export interface Address {
  /** As it came, without the angle brackets. "" for the null path. */
  readonly original: string;
  /** Local part, unquoted. "" for the null path. */
  readonly user: string;
  /** Domain in lower-case A-labels, or an address literal in brackets; "" for `<>` and `<postmaster>`. */
  readonly host: string;
  readonly originalHost: string;
  /** Whether it can only be sent with SMTPUTF8. */
  readonly isUtf8: boolean;
  /** `user@host`, the user quoted where it must be; "" for the null path. */
  readonly address: string;
  isNull(): boolean;
  /** `<user@host>`, `<>`. */
  toString(): string;
  /** The same; with `utf8` the domain as it was typed. */
  format(options?: { readonly utf8?: boolean }): string;
  toJSON(): AddressJson;
}

/** How Haraka's queue files hold an address. */
export interface AddressJson {
  /** With its angle brackets. */
  readonly original: string;
  readonly original_host: string;
  readonly host: string;
  readonly user: string;
  readonly is_utf8?: boolean;
}

// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]/;
/** RFC 5321 §4.1.2 Dot-string, with the UTF-8 of RFC 6531 §3.3. */
// deno-lint-ignore no-control-regex
const DOT_STRING = /^(?:[\w!#$%&'*+\-/=?^`{|}~]|[^\x00-\x7f])+(?:\.(?:[\w!#$%&'*+\-/=?^`{|}~]|[^\x00-\x7f])+)*$/;

class EnvelopeAddress implements Address {
  readonly original: string;
  readonly user: string;
  readonly host: string;
  readonly originalHost: string;
  readonly isUtf8: boolean;
  /** Asked for again and again. */
  #address: string | undefined;
  #text: string | undefined;

  constructor(original: string, user: string, host: string, originalHost: string, isUtf8: boolean) {
    this.original = original;
    this.user = user;
    this.host = host;
    this.originalHost = originalHost;
    this.isUtf8 = isUtf8;
  }

  get address(): string {
    return this.#address ??= join(this.user, this.host);
  }

  isNull(): boolean {
    return this.user === "" && this.host === "";
  }

  toString(): string {
    return this.#text ??= `<${this.address}>`;
  }

  format(options?: { readonly utf8?: boolean }): string {
    return `<${join(this.user, options?.utf8 ? this.originalHost : this.host)}>`;
  }

  toJSON(): AddressJson {
    const { original, user, host, originalHost } = this;
    const json = { original: `<${original}>`, original_host: originalHost, host, user };
    return NON_ASCII.test(original) ? { ...json, is_utf8: true } : json;
  }
}

function join(user: string, host: string): string {
  const local = user === "" && host === "" || DOT_STRING.test(user) ? user : `"${user.replace(/["\\]/g, "\\$&")}"`;
  return host === "" ? local : `${local}@${host}`;
}

/** `<>`, the sender of bounces. */
export const NULL_ADDRESS: Address = new EnvelopeAddress("", "", "", "", false);

/** From a path the wire has read. */
export function makeAddress(parts: PathParts): Address {
  if (parts.user === "" && parts.host === "") return NULL_ADDRESS;
  if (!parts.isUtf8) {
    return new EnvelopeAddress(parts.original, parts.user, parts.host.toLowerCase(), parts.host, false);
  }
  const host = toAscii(parts.host);
  // A domain that has no A-labels is kept as it is: it may still be passed on with SMTPUTF8.
  const isUtf8 = host === undefined || NON_ASCII.test(parts.user);
  return new EnvelopeAddress(parts.original, parts.user, host ?? parts.host.toLowerCase(), parts.host, isUtf8);
}

/** `<user@host>`, `user@host`, `<>`, "" (the null path), `<postmaster>`; undefined for what is no path. */
export function parseAddress(text: string): Address | undefined {
  const parts = parsePath(text);
  return parts === undefined ? undefined : makeAddress(parts);
}

/** From Haraka's JSON; undefined when the value is no address. */
export function addressFromJson(value: unknown): Address | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { original, user, host, original_host: originalHost } = value as Record<string, unknown>;
  if (typeof user !== "string" || typeof host !== "string") return undefined;
  const typed = typeof originalHost === "string" ? originalHost : host;
  const text = typeof original === "string" ? original.replace(/^<(.*)>$/s, "$1") : join(user, typed);
  // Haraka keeps a quoted local part with its quotes.
  const name = /^".*"$/s.test(user) && text.startsWith('"') ? user.slice(1, -1).replace(/\\(.)/gs, "$1") : user;
  return makeAddress({ original: text, user: name, host: typed, isUtf8: NON_ASCII.test(name + typed) });
}

/** A domain in lower-case A-labels (RFC 5891), by the URL parser both runtimes have; undefined when it has none. */
export function toAscii(host: string): string | undefined {
  if (!NON_ASCII.test(host)) return host.toLowerCase();
  if (/[\s/?#@:%\\[\]]/.test(host)) return undefined;
  const ascii = URL.parse(`http://${host}/`)?.hostname ?? "";
  // The URL parser takes a name of numbers, full-width ones too, for an IPv4 address.
  return ascii === "" || /^[\d.]+$/.test(ascii) ? undefined : ascii;
}
