/**
 * Turns new clients away (421) while the process cannot keep up, so that those inside are served.
 *
 * Measures how late a timer comes: what the event loop lags behind. One long task counts for a third, so that a hiccup shuts nobody out.
 */
import { type Clock, type Config, ConfigError, defer, type Logger, type Plugin } from "kasi";

/** Milliseconds between two measurements. */
const EVERY_MS = 500;
const DEFAULT_LAG_MS = 70;
/** Less is within what any loop lags now and then. */
const LEAST_LAG_MS = 10;

export default {
  name: "toobusy",
  about: "Turns new clients away while the process lags behind.",
  async setup({ config, machine: { clock }, signal, log }) {
    const most = await mostLag(config, log);
    const lag = watchLag(clock, signal);
    let busy = false;
    return {
      connect: {
        priority: -100,
        run({ session }) {
          const now = lag();
          if (now <= most()) {
            busy = false;
            return undefined;
          }
          if (!busy) {
            session.log.crit(
              `The event loop lags ${Math.round(now)} ms behind (at most ${most()}): clients are turned away`,
            );
          }
          busy = true;
          return defer("Too busy, try again later", { code: 421, hangUp: true });
        },
      },
    };
  },
} satisfies Plugin;

/** Milliseconds that the loop lags behind, on the average of the last measurements. */
export function watchLag(clock: Clock, signal: AbortSignal): () => number {
  let average = 0;
  let due = 0;
  const late = () => Math.max(0, clock.monotonic() - due);
  const weighed = () => (2 * average + late()) / 3;
  const arm = () => {
    due = clock.monotonic() + EVERY_MS;
    return clock.after(EVERY_MS, () => {
      average = weighed();
      timer = arm();
    });
  };
  let timer = arm();
  if (signal.aborted) timer.cancel();
  signal.addEventListener("abort", () => timer.cancel(), { once: true });
  // A client may be seen before the timer that is late already.
  return () => Math.max(average, weighed());
}

async function mostLag(config: Config, log: Logger): Promise<() => number> {
  const file = await config.value("toobusy.maxlag");
  let most = read(file.value);
  file.onChange((text) => {
    try {
      most = read(text);
    } catch (fault) {
      log.error(`${(fault as Error).message}; ${most} ms stays`);
    }
  });
  return () => most;
}

function read(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LAG_MS;
  const lag = Number(text);
  if (lag >= LEAST_LAG_MS) return lag;
  throw new ConfigError({ file: "toobusy.maxlag", current: text, wanted: `milliseconds, ${LEAST_LAG_MS} or more` });
}
