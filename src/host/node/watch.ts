/** `Deno.watchFs` over node:fs: changes of the named files and folders as they come, until it is closed. */
import fs from "node:fs";
import path from "node:path";
import { translated } from "./errors.ts";

interface Change {
  readonly kind: string;
  readonly paths: string[];
}

class Watcher implements AsyncIterable<Change> {
  readonly #watchers: fs.FSWatcher[];
  readonly #held: Change[] = [];
  #wake: () => void = () => {};
  #closed = false;

  constructor(paths: readonly string[], recursive: boolean) {
    this.#watchers = paths.map((watched) => {
      const folder = translated(() => fs.statSync(watched)).isDirectory();
      const watcher = fs.watch(watched, { recursive: recursive && folder, persistent: true }, (event, name) => {
        const changed = folder && name !== null ? path.join(watched, name) : watched;
        const kind = event === "change" ? "modify" : fs.existsSync(changed) ? "create" : "remove";
        this.#held.push({ kind, paths: [changed] });
        this.#wake();
      });
      // A folder that goes away ends its own watch; the reader of the changes has seen it go.
      watcher.on("error", () => watcher.close());
      return watcher;
    });
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.close();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Change> {
    while (!this.#closed) {
      const change = this.#held.shift();
      if (change !== undefined) yield change;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

export function watchFs(paths: string | string[], options?: { recursive?: boolean }): Watcher {
  return new Watcher(typeof paths === "string" ? [paths] : paths, options?.recursive ?? true);
}
