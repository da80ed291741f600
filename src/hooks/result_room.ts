/**
 * What the results of all sessions have in common: how `results.ini` wants them shown, and who is told of their changes.
 *
 * While nobody listens and no plugin is to be logged in full, a change costs one look at `busy`. A listener that throws is logged and
 * harms nobody; listeners do not wait for one another, and nothing waits for them.
 */
import type { RESULTS_INI } from "../config/files/results_ini.ts";
import type { Live } from "../config/types.ts";
import type { Settings } from "../config/shape.ts";
import type { Logger } from "../log/types.ts";
import type { ResultChange, ResultFeed } from "./results.ts";

/** How a plugin's summary is printed. */
export interface SummaryStyle {
  /** Keys left out. */
  readonly hide?: readonly string[];
  /** Keys to be printed first, in this order. */
  readonly order?: readonly string[];
  /** Log every change in full, at INFO. */
  readonly debug?: boolean;
}

type Styles = { readonly [plugin: string]: SummaryStyle };
type ResultsIni = Settings<typeof RESULTS_INI["shape"]>;

export class ResultRoom implements ResultFeed {
  /** Whether a change is of interest to anybody. */
  busy = false;
  #styles: Styles = {};
  readonly #log: Logger;
  readonly #listeners = new Set<(change: ResultChange) => void>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Takes the sections of results.ini, now and at each change. */
  follow(settings: Live<ResultsIni>): () => void {
    const take = ({ "*": styles }: ResultsIni) => this.show(styles);
    take(settings.value);
    return settings.onChange(take);
  }

  show(styles: Styles): void {
    this.#styles = styles;
    this.#weigh();
  }

  style(plugin: string): SummaryStyle | undefined {
    return Object.hasOwn(this.#styles, plugin) ? this.#styles[plugin] : undefined;
  }

  subscribe(listener: (change: ResultChange) => void): () => void {
    this.#listeners.add(listener);
    this.#weigh();
    return () => {
      this.#listeners.delete(listener);
      this.#weigh();
    };
  }

  /** Tells everyone. `log` is that of the session or transaction. */
  changed(change: ResultChange, log: Logger): void {
    const { plugin, result } = change;
    const debug = this.style(plugin)?.debug === true;
    const loud = (_: ResultChange) => log.child({ origin: plugin }).info(`Result: ${JSON.stringify(result)}`);
    for (const listener of debug ? [loud, ...this.#listeners] : this.#listeners) {
      try {
        listener(change);
      } catch (fault) {
        this.#log.error("A listener to results failed", { plugin, fault: String(fault) });
      }
    }
  }

  #weigh(): void {
    this.busy = this.#listeners.size > 0 || Object.values(this.#styles).some(({ debug }) => debug);
  }
}
