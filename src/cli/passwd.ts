/**
 * `kasi passwd`: a password from standard input (one line) becomes a line for auth_flat_file.ini. Nothing is written to a file.
 *
 * Throws, with a sentence for the operator, for a password or a name that can't be kept.
 */
import { type Bytes, concat, utf8Decode } from "../base/bytes.ts";
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
  const password = firstLine(machine.host);
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
