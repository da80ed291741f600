/**
 * One SMTP reply (RFC 5321 §4.2) and its form on the wire.
 *
 * `formatReply` never throws and never lets a text break out of its line: whatever it is given, what comes out is a well-formed reply.
 */
export interface Reply {
  /** Three digits. */
  readonly code: number;
  /** RFC 3463 status, e.g. "5.7.1"; written behind the code on every line when given. */
  readonly enhanced?: string;
  /** One line, or several. Never contains CR or LF once formatted. */
  readonly text: string | readonly string[];
}

/** RFC 5321 §4.5.3.1.5: octets of a reply line, code and CRLF included. */
const MAX_LINE = 512;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x1f\x7f]/g;
const ENHANCED = /^([245])\.[0-9]{1,3}\.[0-9]{1,3}$/;
const encoder = new TextEncoder();

/**
 * The reply as it goes out, CRLF included; to be written as UTF-8. A line break in the text begins a new line, empty lines are left
 * out, other control characters become spaces, lines of more than 512 octets are wrapped. An enhanced status that is malformed or
 * contradicts the code (RFC 2034 §4) is left out; a code that is none becomes 451.
 */
export function formatReply(reply: Reply): string {
  const code = isCode(reply.code) ? reply.code : 451;
  const status = reply.enhanced;
  const head = status !== undefined && isStatus(status, code) ? `${status} ` : "";
  const { text } = reply;
  if (typeof text === "string" && text.length < 150 && !CONTROL.test(text)) return `${code} ${head}${text}\r\n`;

  const room = MAX_LINE - 6 - head.length;
  const lines: string[] = [];
  for (const part of typeof text === "string" ? [text] : text) {
    for (const line of part.split(/\r\n|\r|\n/)) {
      if (line !== "") wrap(line.replace(CONTROLS, " "), room, lines);
    }
  }
  if (lines.length === 0) lines.push("");
  let out = "";
  for (let i = 0; i < lines.length; i++) out += `${code}${i === lines.length - 1 ? " " : "-"}${head}${lines[i]}\r\n`;
  return out;
}

/** RFC 5321 §4.2: 2yz to 5yz. */
export function isCode(code: number): boolean {
  return Number.isInteger(code) && code >= 200 && code <= 599;
}

/** Whether the status has RFC 3463's form and the class its code asks for (3yz goes with class 2). */
export function isStatus(status: string, code: number): boolean {
  const match = ENHANCED.exec(status);
  if (match === null) return false;
  const first = String(code)[0];
  return match[1] === (first === "3" ? "2" : first);
}

/** Cuts at the last space that fits, else between two characters. */
function wrap(line: string, room: number, into: string[]): void {
  let rest = line;
  while (rest.length * 3 > room && encoder.encode(rest).length > room) {
    let cut = 0;
    let octets = 0;
    let space = -1;
    for (const char of rest) {
      octets += encoder.encode(char).length;
      if (octets > room) break;
      if (char === " ") space = cut;
      cut += char.length;
    }
    if (space > 0) {
      into.push(rest.slice(0, space));
      rest = rest.slice(space + 1);
    } else {
      into.push(rest.slice(0, cut));
      rest = rest.slice(cut);
    }
  }
  if (rest !== "") into.push(rest);
}
