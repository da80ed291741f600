/**
 * Tokens in the place of passwords: OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2, as Google and Microsoft describe it.
 *
 * Pure. What is not of the form comes back as `undefined`.
 */
import { type Bytes, utf8Decode, utf8Encode } from "../../base/bytes.ts";
import { decodeName } from "./name.ts";

export interface Bearer {
  /** "" when the client leaves it to the token (OAUTHBEARER only). */
  readonly user: string;
  /** "" when the client only asks what it needs (RFC 7628 §4.3). */
  readonly token: string;
}

/** What a client is told of a token that was not accepted. */
export interface TokenFault {
  /** RFC 6750 §3.1: `invalid_token`, `insufficient_scope`, `invalid_request`. */
  readonly status: string;
  /** Scopes a token needs. */
  readonly scope?: string;
  /** URL of the provider's description (OpenID Connect discovery). */
  readonly configuration?: string;
}

/** RFC 6750 §2.1. */
const CREDENTIALS = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
/** RFC 7628 §3.1: key, `=`, value of printable ASCII, blanks and line ends. */
const PAIR = /^([A-Za-z]+)=([\t\r\n -~]*)$/;

export function parseOauthBearer(octets: Uint8Array): Bearer | undefined {
  const [header, ...pairs] = utf8Decode(octets).split("\x01");
  // RFC 5801 §4: no channel binding with a token, hence `n` or `y`.
  const found = /^[ny],(?:a=([^,]+))?,$/.exec(header!);
  const values = pairsOf(pairs);
  if (found === null || values === undefined) return undefined;
  const user = found[1] === undefined ? "" : decodeName(found[1]);
  const token = tokenOf(values.get("auth"));
  return user === undefined || token === undefined ? undefined : { user, token };
}

export function parseXoauth2(octets: Uint8Array): Bearer | undefined {
  const [first, ...pairs] = utf8Decode(octets).split("\x01");
  const user = /^user=(.+)$/s.exec(first!)?.[1];
  const token = tokenOf(pairsOf(pairs)?.get("auth"));
  return user === undefined || !token ? undefined : { user, token };
}

/** RFC 7628 §3.2.2. */
export function oauthBearerFault({ status, scope, configuration }: TokenFault): Bytes {
  const said = { status, ...(scope && { scope }), ...(configuration && { "openid-configuration": configuration }) };
  return utf8Encode(JSON.stringify(said));
}

/** As Gmail words it. */
export function xoauth2Fault({ scope }: TokenFault): Bytes {
  return utf8Encode(JSON.stringify({ status: "401", schemes: "bearer", ...(scope && { scope }) }));
}

/** `key=value ^A … ^A`: the last pair is followed by two separators. */
function pairsOf(pieces: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (pieces.length < 2 || pieces.at(-1) !== "" || pieces.at(-2) !== "") return undefined;
  const values = new Map<string, string>();
  for (const piece of pieces.slice(0, -2)) {
    const found = PAIR.exec(piece);
    if (found === null) return undefined;
    values.set(found[1]!.toLowerCase(), found[2]!);
  }
  return values;
}

function tokenOf(credentials: string | undefined): string | undefined {
  return credentials === "" ? "" : CREDENTIALS.exec(credentials ?? "")?.[1];
}
