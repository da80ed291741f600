/** Runs our command line in a process of its own with look-ups answered from a zone: `command_line.ts ZONE_AS_JSON ARGUMENTS…`. */
import process from "node:process";
import { runCommandLine } from "../../src/cli/main.ts";
import { thisMachine } from "../../src/host/machine.ts";
import { zone } from "./zone.ts";

const [records, ...args] = process.argv.slice(2);
const machine = { ...await thisMachine(), resolver: zone(JSON.parse(records!)) };
process.exit(await runCommandLine(args, machine));
