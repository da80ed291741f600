/**
 * `kasi passwd`: a password from standard input (one line; typed unseen at a terminal) becomes a line for auth_flat_file.ini. Nothing is
 * written to a file.
 *
 * Throws, with a sentence for the operator, for a password or a name that can't be kept.
 */
import { type Bytes, concat, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { hashPassword } from "../host/password_hash.ts";
import type { Host, Machine } from "../host/types.ts";
import { formatScramKeys, newScramKeys } from "../wire/sasl/scram_keys.ts";
import type { PasswdAction } from "./tool_options.ts";
import type { Terminal } from "./terminal.ts";

const LONGEST = 1024;
/** What a PBKDF2 of SHA-256 that is tried without the server should cost at least; a client's phone does it in a moment. */
const SCRAM_ITERATIONS = 65_536;

export async function passwd(
  { user, kind }: PasswdAction,
  { machine, out }: { readonly machine: Machine; readonly out: Terminal },
): Promise<number> {
  // An ini file would take the name for something else.
  if (user !== undefined && !/^[^\s=;#[\]"'][^\s=[\]]*$/.test(user)) {
    throw new Error(`Not a name for an ini file: ${user}`);
  }
  const password = machine.host.stdin.isTerminal() ? typedUnseen(machine.host) : firstLine(machine.host);
  if (password === "") throw new Error("passwd wants the password on standard input, in one line");
  const written = kind === "scram"
    ? formatScramKeys(await newScramKeys(password, SCRAM_ITERATIONS))
    : await hashPassword(password, kind);
  return out.say(user === undefined ? written : `${user} = ${written}`);
}

/** Without its line end; all there is when it has none. */
function firstLine({ stdin }: Host): string {
  const parts: Bytes[] = [];
  for (let held = 0; held <= LONGEST;) {
    const into = new Uint8Array(LONGEST);
    const count = stdin.readSync(into);
    // Node says 0 at the end of a pipe.
    if (count === null || count === 0) return utf8Decode(concat(parts));
    const end = into.subarray(0, count).indexOf(0x0a);
    parts.push(into.subarray(0, end < 0 ? count : end));
    if (end >= 0) return utf8Decode(concat(parts)).replace(/\r$/, "");
    held += count;
  }
  throw new Error(`A password of more than ${LONGEST} octets`);
}

/** The keys a terminal gives as they are once it no longer edits the line itself. */
const KEY = {
  interrupt: 0x03,
  end: 0x04,
  backspace: 0x08,
  newline: 0x0a,
  enter: 0x0d,
  clear: 0x15,
  delete: 0x7f,
} as const;

/** Asks on standard error, so that standard output holds the line and nothing else. */
function typedUnseen({ stdin, stderr }: Host): string {
  const say = (text: string) => void stderr.writeSync(utf8Encode(text));
  say("Password: ");
  stdin.setRaw(true);
  try {
    let typed = "";
    const octets: number[] = [];
    for (;;) {
      const into = new Uint8Array(LONGEST);
      const count = stdin.readSync(into);
      for (const octet of into.subarray(0, count ?? 0)) {
        switch (octet) {
          case KEY.enter:
          case KEY.newline:
          case KEY.end:
            return typed;
          case KEY.interrupt:
            throw new Error("No password was given");
          case KEY.clear:
            octets.length = 0;
            break;
          case KEY.backspace:
          case KEY.delete:
            // A whole character, however many octets it has.
            octets.splice(0, octets.length, ...utf8Encode(Array.from(typed).slice(0, -1).join("")));
            break;
          default:
            octets.push(octet);
        }
        typed = utf8Decode(Uint8Array.from(octets));
      }
      if (count === null || count === 0) return typed;
      if (octets.length > LONGEST) throw new Error(`A password of more than ${LONGEST} octets`);
    }
  } finally {
    stdin.setRaw(false);
    say("\n");
  }
}
