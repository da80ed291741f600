/**
 * Shows in the title of the process (`ps`) how many connections, recipients and messages there were and are, each second; and leaves the numbers in
 * the server's notes for other plugins.
 *
 * With workers each counts for itself and tells the main thread: they are threads of one process, which has one title.
 */
import type { Clock, Plugin, Timer } from "kasi";
import { Board, type Counts, NONE } from "./process_title_board.ts";

/** Of this thread; `stop` has nothing else to know them by. */
const tickers = new Set<Ticker>();
/** The queue is counted item by item: less often, so that a long one costs nothing to speak of. */
const QUEUE_EVERY = 5;

export default {
  name: "process_title",
  about: "Shows numbers of connections, recipients and messages in the title of the process.",
  setup({ machine, main, operations, server }) {
    const { clock } = machine;
    let counts = NONE;
    const count = (what: keyof Counts) => void (counts = { ...counts, [what]: counts[what] + 1 });
    return {
      init_master() {
        const board = new Board(clock.monotonic());
        main.onTold((value) => board.add(value as Counts));
        let seconds = 0;
        const show = () => {
          board.second(clock.monotonic());
          board.childExits = operations.replaced;
          for (const [name, value] of Object.entries(board.notes())) server.notes.set(name, value);
          machine.setTitle(board.title());
          // While the server starts, or ends, there is nobody to ask: the last number stays.
          if (seconds++ % QUEUE_EVERY === 0) operations.threads().then((threads) => board.queues(threads), () => {});
        };
        tickers.add(new Ticker(clock, show));
        return undefined;
      },
      init_child() {
        const tell = () => {
          if (Object.values(counts).some((each) => each > 0)) main.tell(counts);
          counts = NONE;
        };
        tickers.add(new Ticker(clock, tell));
        return undefined;
      },
      connect_init: () => count("connections"),
      disconnect: () => count("disconnections"),
      rcpt_ok: () => count("recipients"),
      data_post: () => count("messages"),
    };
  },
  stop() {
    for (const ticker of tickers) ticker.stop();
    tickers.clear();
  },
} satisfies Plugin;

/** Runs something each second, until it is stopped. */
class Ticker {
  #timer: Timer;

  constructor(clock: Clock, run: () => void) {
    const again = () => {
      run();
      this.#timer = clock.after(1000, again);
    };
    this.#timer = clock.after(1000, again);
  }

  stop(): void {
    this.#timer.cancel();
  }
}
