/**
 * A value that follows a call through everything it awaits, on both doors.
 *
 * `run` gives it, `get` finds it again however deep below; outside of any `run` there is none. It costs only those who use it.
 */
import { AsyncLocalStorage } from "node:async_hooks";

export class AsyncContext<T> {
  readonly #storage = new AsyncLocalStorage<T>();

  run<R>(value: T, body: () => R): R {
    return this.#storage.run(value, body);
  }

  get(): T | undefined {
    return this.#storage.getStore();
  }
}
