/** Where commands talk to people: plain text to standard output, complaints to standard error. */
import { utf8Encode } from "../base/bytes.ts";
import type { Host } from "../host/types.ts";

export interface Terminal {
  /** A line, or several; gives the exit code 0, so that a command can end with it. */
  say(text: string): 0;
  /** Octets, as they are. */
  write(bytes: Uint8Array): void;
  complain(text: string): void;
}

export function terminal(host: Pick<Host, "stdout" | "stderr">): Terminal {
  const write = (to: Host["stdout"], bytes: Uint8Array) => {
    try {
      for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
    } catch (cause) {
      // Whoever reads has seen enough (`| head`).
      if (!(cause instanceof Error) || !/EPIPE|broken pipe/i.test(`${cause.name} ${cause.message}`)) throw cause;
    }
  };
  const line = (text: string) => utf8Encode(text.endsWith("\n") ? text : `${text}\n`);
  return {
    say(text) {
      write(host.stdout, line(text));
      return 0;
    },
    write: (bytes) => write(host.stdout, bytes),
    complain: (text) => write(host.stderr, line(text)),
  };
}
