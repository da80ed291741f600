/** Waiting for others to end, but not for ever. */
import { type Clock, sleep } from "../base/clock.ts";

/** Resolves when all of `running` have settled, those that join meanwhile included, or after `ms` milliseconds; says whether all did. */
export async function settled(running: ReadonlySet<Promise<unknown>>, ms: number, clock: Clock): Promise<boolean> {
  const done = new AbortController();
  const late = sleep(clock, ms, done.signal).then(() => true, () => false);
  try {
    while (running.size > 0) {
      const all = Promise.allSettled([...running]).then(() => false);
      if (await Promise.race([all, late])) return false;
    }
    return true;
  } finally {
    done.abort();
  }
}
