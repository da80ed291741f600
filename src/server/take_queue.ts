/** The queue's directory becomes this process's own, and its shards those of the workers there are. */
import { lockDirectory } from "../host/lock.ts";
import type { Host } from "../host/types.ts";
import { makeDirectory } from "../queue/directory.ts";
import { dealShards } from "../queue/shards.ts";

/** The returned function gives it up. Rejects when another process has it, or the disk fails. */
export async function takeQueue(host: Host, dir: string, workers: number): Promise<() => void> {
  // Other people's mail is nobody's to read.
  await makeDirectory(host, dir);
  const lock = lockDirectory(host, dir);
  try {
    await dealShards(host, dir, workers);
  } catch (cause) {
    lock.release();
    throw cause;
  }
  return () => lock.release();
}
