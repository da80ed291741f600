/** A terminal that keeps what it is told, and this machine, for tests of the command line. */
import type { Terminal } from "../../src/cli/terminal.ts";
import { thisMachine } from "../../src/host/machine.ts";
import type { Machine } from "../../src/host/types.ts";

export interface Captured {
  readonly machine: Machine;
  readonly out: Terminal;
  readonly said: string[];
  readonly complaints: string[];
}

export async function captured(): Promise<Captured> {
  const said: string[] = [];
  const complaints: string[] = [];
  const out: Terminal = {
    say(text) {
      said.push(text);
      return 0;
    },
    write: (bytes) => void said.push(new TextDecoder("latin1").decode(bytes)),
    complain: (text) => void complaints.push(text),
  };
  return { machine: await thisMachine(), out, said, complaints };
}
