/** A worker that signs, for the comparison in sign_ways.ts: told a private key (PEM), then data, it answers with signatures in base64. */
import { createPrivateKey, sign } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

const key = createPrivateKey(workerData as string);
parentPort!.on("message", (data: Uint8Array) => parentPort!.postMessage(sign("sha256", data, key).toString("base64")));
