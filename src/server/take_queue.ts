/** The queue's directory becomes this process's own, and its shards those of the workers there are. */
import { lockDirectory } from "../host/lock.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { makeDirectory } from "../queue/directory.ts";
import { parseHarakaName } from "../queue/import/haraka_file.ts";
import { dealShards } from "../queue/shards.ts";

/** The returned function gives it up. Rejects when another process has it, or the disk fails. */
export async function takeQueue(host: Host, dir: string, workers: number, log?: Logger): Promise<() => void> {
  // Other people's mail is nobody's to read.
  await makeDirectory(host, dir);
  const lock = lockDirectory(host, dir);
  try {
    await dealShards(host, dir, workers);
  } catch (cause) {
    lock.release();
    throw cause;
  }
  if (log !== undefined) tellOfHaraka(host, dir, log);
  return () => lock.release();
}

/** Who comes from Haraka may have its queue here, and think that it is served. */
function tellOfHaraka(host: Host, dir: string, log: Logger): void {
  let files = 0;
  for (const { name, isFile } of host.readDirSync(dir)) if (isFile && parseHarakaName(name) !== undefined) files++;
  if (files > 0) {
    log.warn(
      `${files} queue files of Haraka's lie in ${dir} and are not served: kasi queue import ${dir} takes them in`,
    );
  }
}
