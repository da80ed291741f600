/**
 * Reads a next hop in any form that `get_mx` may answer with (spec 02 §4.2): `host`, `host:port`, `[v6]:port`, a bare IPv6 address,
 * `smtp://user:pass@host:port`, `lmtp://…`, or an object in our words or in Haraka's (`exchange`, `using_lmtp`, `auth_user`, …).
 *
 * Throws TypeError, saying what it was given and what is wanted, for anything else.
 */
import type { Destination } from "./outbound.ts";

const PORTS = { smtp: 25, lmtp: 24 } as const;
type Protocol = keyof typeof PORTS;
const WANTED = 'wanted: "host", "host:port", "[v6]:port", "smtp://…", "lmtp://…" or an object with a host or a path';

export function parseDestination(input: unknown): Destination {
  if (typeof input === "string") return fromText(input.trim());
  if (typeof input === "object" && input !== null) return fromObject(input as Readonly<Record<string, unknown>>);
  throw wrong(input);
}

/** One answer or a list of them. */
export function parseDestinations(input: unknown): Destination[] {
  return Array.isArray(input) ? input.map(parseDestination) : [parseDestination(input)];
}

function fromText(text: string): Destination {
  const scheme = /^(smtp|lmtp):\/\/(.*?)\/?$/i.exec(text);
  if (scheme === null) return { ...endpoint(text, "smtp", text), priority: 0, protocol: "smtp" };
  const protocol = scheme[1]!.toLowerCase() as Protocol;
  const rest = scheme[2]!;
  // The last @: passwords may hold one of their own.
  const at = rest.lastIndexOf("@");
  const end = { ...endpoint(rest.slice(at + 1), protocol, text), priority: 0, protocol };
  if (at === -1) return end;
  const login = rest.slice(0, at);
  const colon = login.indexOf(":");
  if (colon <= 0) throw wrong(`${protocol}://…@${rest.slice(at + 1)}`);
  return {
    ...end,
    auth: { user: decoded(login.slice(0, colon)), pass: decoded(login.slice(colon + 1)), type: "plain" },
  };
}

function endpoint(text: string, protocol: Protocol, whole: string): { host: string; port: number } {
  const bracketed = /^\[(?:ipv6:)?([^\]]+)\](?::(\d+))?$/i.exec(text);
  if (bracketed !== null) {
    return { host: hostName(bracketed[1]!, whole), port: portNumber(bracketed[2], protocol, whole) };
  }
  // More than one colon without brackets: an IPv6 address and no port.
  if (text.indexOf(":") !== text.lastIndexOf(":")) return { host: hostName(text, whole), port: PORTS[protocol] };
  const colon = text.indexOf(":");
  if (colon === -1) return { host: hostName(text, whole), port: PORTS[protocol] };
  return { host: hostName(text.slice(0, colon), whole), port: portNumber(text.slice(colon + 1), protocol, whole) };
}

function fromObject(given: Readonly<Record<string, unknown>>): Destination {
  const text = (name: string, old?: string): string | undefined =>
    textOf(given[name]) ?? (old === undefined ? undefined : textOf(given[old]));
  const protocol: Protocol = given.protocol === "lmtp" || yes(given.using_lmtp) ? "lmtp" : "smtp";
  const path = text("path");
  const name = text("host", "exchange");
  if (path === undefined && name === undefined) throw wrong(given);
  const named = name === undefined ? undefined : fromText(name);
  const priority = Number(given.priority ?? named?.priority ?? 0);
  if (Number.isNaN(priority)) throw wrong(given);
  const bind = text("bind");
  const bindHelo = text("bindHelo", "bind_helo");
  const fromDns = text("fromDns", "from_dns");
  const user = text("auth_user");
  const tls = text("tls");
  const type = text("auth_type");
  const ours = given.auth as Destination["auth"] | undefined;
  const auth = ours ??
    (user === undefined ? named?.auth : { user, pass: text("auth_pass") ?? "", ...(type && { type }) });
  if (tls !== undefined && tls !== "none" && tls !== "opportunistic" && tls !== "required") throw wrong(given);
  const spoken = protocol === "smtp" ? named?.protocol ?? "smtp" : protocol;
  // A port in the name itself (host:port) gives way to one of its own field.
  const inName = named !== undefined && named.port !== PORTS[named.protocol] ? named.port : PORTS[spoken];
  return {
    host: path === undefined ? named!.host : "",
    port: given.port === undefined || given.port === null || given.port === ""
      ? inName
      : portNumber(String(given.port), spoken, given),
    priority,
    protocol: spoken,
    ...(path !== undefined && { path }),
    ...(bind !== undefined && { bind }),
    ...(bindHelo !== undefined && { bindHelo }),
    ...(fromDns !== undefined && { fromDns }),
    ...(auth !== undefined && { auth }),
    ...(tls !== undefined && { tls }),
  };
}

function hostName(text: string, whole: unknown): string {
  if (text === "" || /[\s\/@\[\]]/.test(text)) throw wrong(whole);
  return text.toLowerCase();
}

function portNumber(text: string | undefined, protocol: Protocol, whole: unknown): number {
  if (text === undefined) return PORTS[protocol];
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw wrong(whole);
  return port;
}

const textOf = (value: unknown): string | undefined =>
  value === undefined || value === null || value === "" ? undefined : String(value);

const yes = (value: unknown): boolean =>
  value === undefined ? false : value === true || /^(true|yes|ok|on|1)$/i.test(String(value));

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Never repeats a password. */
function wrong(given: unknown): TypeError {
  const shown = typeof given === "string"
    ? given.replace(/\/\/.*@/, "//…@")
    : JSON.stringify(given, (key, value) => /pass|auth$/.test(key) ? "…" : value);
  return new TypeError(`Cannot read this next hop: current value is ${JSON.stringify(shown)}; ${WANTED}`);
}
