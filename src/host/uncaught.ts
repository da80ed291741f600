/**
 * What nobody caught: a plugin's timer that throws, a promise nobody awaits. The handler hears of it and the process lives on; the returned function
 * restores the runtime's own way.
 */
import process from "node:process";

export function onUncaught(handler: (reason: unknown) => void): () => void {
  process.on("uncaughtException", handler);
  process.on("unhandledRejection", handler);
  return () => {
    process.off("uncaughtException", handler);
    process.off("unhandledRejection", handler);
  };
}
