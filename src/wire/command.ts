/**
 * A command line, read (RFC 5321 §4.1).
 *
 * `parseCommand` turns a line into a `Command`, or a `Fault` that carries the reply it deserves and names the verb it belongs to, so
 * that the session may say first that the verb does not fit the moment (503). It never throws. Texts for the peer never repeat what
 * the peer sent; `reason` is for the log.
 */
import { type Bytes, latin1Decode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { parseTarget, type TargetOptions } from "./target.ts";
import type { Parameters } from "./params.ts";
import type { PathParts } from "./path.ts";
import type { Reply } from "./reply.ts";

export interface Commands {
  readonly HELO: { readonly host: string };
  readonly EHLO: { readonly host: string };
  readonly LHLO: { readonly host: string };
  readonly MAIL: { readonly path: PathParts; readonly parameters: Parameters };
  readonly RCPT: { readonly path: PathParts; readonly parameters: Parameters };
  readonly DATA: unknown;
  /** RFC 3030 §2: `size` octets follow the line. */
  readonly BDAT: { readonly size: number; readonly last: boolean };
  readonly RSET: unknown;
  readonly QUIT: unknown;
  readonly NOOP: unknown;
  readonly HELP: unknown;
  readonly VRFY: unknown;
  readonly EXPN: unknown;
  readonly STARTTLS: unknown;
  /** RFC 4954 §4: `mechanism` in upper case, "" when none was named; `initial` still in base64, `=` when empty. */
  readonly AUTH: { readonly mechanism: string; readonly initial: string | undefined };
  readonly XCLIENT: unknown;
  /** A verb we do not know, in upper case; "" for an empty line. */
  readonly UNKNOWN: { readonly name: string };
}

export type Verb = keyof Commands;
/** `rest`: what stood behind the verb, without the spaces around it. */
export type Command<V extends Verb = Verb> = { [K in V]: { readonly verb: K; readonly rest: string } & Commands[K] }[V];

export interface Fault {
  readonly verb: "FAULT";
  /** The verb at fault; `UNKNOWN` when the line as a whole is. */
  readonly of: Verb;
  readonly reply: Reply;
  /** For the log. */
  readonly reason: string;
}

export interface CommandOptions extends TargetOptions {
  /** Whether UTF-8 may stand in the line (after EHLO). Octets that are not UTF-8 never may. */
  readonly eightBit: boolean;
}

type Parse<V extends Verb> = (rest: string, options: CommandOptions) => Command<V> | Fault;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const PARSERS: { readonly [V in Exclude<Verb, "UNKNOWN">]: Parse<V> } = {
  HELO: hello("HELO"),
  EHLO: hello("EHLO"),
  LHLO: hello("LHLO"),
  MAIL: (rest, options) => target("MAIL", rest, options),
  RCPT: (rest, options) => target("RCPT", rest, options),
  DATA: alone("DATA"),
  BDAT: bdat,
  RSET: alone("RSET"),
  QUIT: alone("QUIT"),
  NOOP: open("NOOP"),
  HELP: open("HELP"),
  VRFY: open("VRFY"),
  EXPN: open("EXPN"),
  STARTTLS: alone("STARTTLS"), // RFC 3207 §4: no parameters
  AUTH: auth,
  XCLIENT: open("XCLIENT"),
};
const BY_NAME: ReadonlyMap<string, Parse<Verb>> = new Map(Object.entries(PARSERS) as [string, Parse<Verb>][]);

/** Reads one line, given without its CRLF. */
export function parseCommand(line: Bytes, options: CommandOptions): Command | Fault {
  const text = textOf(line, options.eightBit);
  if (typeof text !== "string") return text;
  let end = text.length;
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--;
  let space = 0;
  while (space < end && text.charCodeAt(space) !== 32) space++;
  let from = space;
  while (from < end && text.charCodeAt(from) === 32) from++;
  const rest = text.slice(from, end);
  const typed = text.slice(0, space);
  let parse = BY_NAME.get(typed);
  if (parse === undefined) {
    const name = typed.toUpperCase();
    parse = BY_NAME.get(name);
    if (parse === undefined) {
      return LIKE_BDAT.test(text) ? badBdat("BDAT in an odd dress") : { verb: "UNKNOWN", rest, name };
    }
  }
  return parse(rest, options);
}

/** The line as it would be sent, without CRLF. */
export function formatCommand(verb: string, rest = ""): Bytes {
  return utf8Encode(rest === "" ? verb : `${verb} ${rest}`);
}

/**
 * What somebody else may take for BDAT. Octets of a body follow then, so the line is a BDAT's that went wrong, not an unknown verb's: who
 * answers it must not read on as if those octets were commands.
 */
const LIKE_BDAT = /^\s*bdat(?![a-z])/i;

/** The verb of a line that cannot be read as text. */
function verbOf(line: Bytes): Verb {
  return LIKE_BDAT.test(latin1Decode(line)) ? "BDAT" : "UNKNOWN";
}

function textOf(line: Bytes, eightBit: boolean): string | Fault {
  let bits = 0;
  let control = false;
  for (let i = 0; i < line.length; i++) {
    const octet = line[i]!;
    bits |= octet;
    if (octet < 32 || octet === 127) control ||= octet !== 9;
  }
  if (control) {
    return fault(
      verbOf(line),
      501,
      "5.5.2",
      "Syntax error (control characters not allowed)",
      "a control character in the line",
    );
  }
  if (bits < 128) {
    return utf8Decode(line);
  }
  if (!eightBit) {
    return fault(verbOf(line), 501, "5.5.2", "Syntax error (8-bit characters not allowed)", "an octet beyond ASCII");
  }
  try {
    return utf8.decode(line);
  } catch {
    return fault(
      verbOf(line),
      501,
      "5.5.2",
      "Syntax error (8-bit characters not allowed)",
      "octets that are not UTF-8",
    );
  }
}

function hello<V extends "HELO" | "EHLO" | "LHLO">(verb: V): Parse<V> {
  return (rest) => {
    const space = rest.indexOf(" ");
    const host = space < 0 ? rest : rest.slice(0, space);
    // RFC 2034 §4: no enhanced status in the answer to a hello.
    if (host === "") {
      return {
        verb: "FAULT",
        of: verb,
        reply: { code: 501, text: `${verb} requires domain/address` },
        reason: "no argument",
      };
    }
    return { verb, rest, host } as Command<V>;
  };
}

function alone<V extends "DATA" | "RSET" | "QUIT" | "STARTTLS">(verb: V): Parse<V> {
  return (rest) =>
    rest === ""
      ? { verb, rest } as Command<V>
      : fault(verb, 501, "5.5.4", "Syntax error (no parameters allowed)", "an argument");
}

function open<V extends "NOOP" | "HELP" | "VRFY" | "EXPN" | "XCLIENT">(verb: V): Parse<V> {
  return (rest) => ({ verb, rest }) as Command<V>;
}

function target<V extends "MAIL" | "RCPT">(verb: V, rest: string, options: CommandOptions): Command<V> | Fault {
  const read = parseTarget(verb, rest, options);
  return "reply" in read ? { verb: "FAULT", of: verb, ...read } : { verb, rest, ...read } as unknown as Command<V>;
}

function bdat(rest: string): Command<"BDAT"> | Fault {
  const match = /^([0-9]{1,15})(?: +(last))?$/i.exec(rest);
  if (match === null) return badBdat("not `size [LAST]`");
  return { verb: "BDAT", rest, size: Number(match[1]), last: match[2] !== undefined };
}

function badBdat(reason: string): Fault {
  return fault("BDAT", 501, "5.5.4", "Syntax error in BDAT parameters", reason);
}

function auth(rest: string): Command<"AUTH"> | Fault {
  const words = rest.split(" ").filter((word) => word !== "");
  if (words.length > 2) {
    return fault("AUTH", 501, "5.5.4", "Syntax error in AUTH parameters", "more than two arguments");
  }
  return { verb: "AUTH", rest, mechanism: (words[0] ?? "").toUpperCase(), initial: words[1] };
}

function fault(of: Verb, code: number, enhanced: string, text: string, reason: string): Fault {
  return { verb: "FAULT", of, reply: { code, enhanced, text }, reason };
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
