/** The program of a worker's thread. */
import { thisMachine } from "../../host/machine.ts";
import { thisThread } from "../../host/threads.ts";
import { runWorker } from "./worker.ts";

const port = thisThread();
// Nothing is awaited here: a plugin that is loaded meanwhile may import what imports this.
if (port !== undefined) void runWorker(port).then(async (code) => (await thisMachine()).host.exit(code));
