/** Lets others have their turn while much is looked through: {@linkcode pacer} gives a function that pauses once its caller has worked for long enough. */
import { type Clock, sleep } from "../base/clock.ts";

/** What a session that speaks meanwhile may have to wait for. */
const SLICE_MS = 10;

/** Call it often: most calls cost no more than a look at the clock. */
export function pacer(clock: Clock): () => Promise<void> | undefined {
  let since = clock.monotonic();
  return () => {
    if (clock.monotonic() - since < SLICE_MS) return undefined;
    return sleep(clock, 0).then(() => void (since = clock.monotonic()));
  };
}
