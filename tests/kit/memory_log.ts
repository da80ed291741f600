/**
 * A log that keeps what it was told, for tests to look at.
 */
import type { EventName, EventOf } from "../../src/log/events.ts";
import { formatItem } from "../../src/log/format.ts";
import { createLogging } from "../../src/log/logging.ts";
import type { LevelName, Logger, LogItem } from "../../src/log/types.ts";

type Told = { readonly [N in EventName]: { readonly name: N; readonly event: EventOf<N> } }[EventName];

export interface MemoryLog {
  readonly log: Logger;
  /** Every line at or above the level, oldest first. */
  readonly items: LogItem[];
  /** Every named event. */
  readonly events: Told[];
  /** The events of one name. */
  of<N extends EventName>(name: N): EventOf<N>[];
  /** The lines in the default form, joined by LF. */
  text(): string;
}

export function memoryLog(level: LevelName = "DATA", now: () => number = () => 0): MemoryLog {
  const items: LogItem[] = [];
  const events: Told[] = [];
  const logging = createLogging({
    level,
    sinks: [],
    clock: { now },
    onEvent: (name, event) => void events.push({ name, event } as Told),
  });
  logging.attachHook((item) => items.push(item) > 0);
  return {
    log: logging.root,
    items,
    events,
    of: <N extends EventName>(name: N) =>
      events.filter((told) => told.name === name).map((told) => told.event as EventOf<N>),
    text: () => items.map((item) => formatItem(item, "default", false)).join("\n"),
  };
}
