/** A worker's questions to the main thread, each with a number that its answer names. What is never answered ends with the worker itself. */
export class Questions<T> {
  readonly #open = new Map<number, PromiseWithResolvers<T>>();
  #asked = 0;

  ask(say: (id: number) => void): Promise<T> {
    const id = ++this.#asked;
    const answer = Promise.withResolvers<T>();
    this.#open.set(id, answer);
    say(id);
    return answer.promise;
  }

  /** `fault`: why there is no answer. One to a number that nobody has asked, or that was answered, is passed over. */
  hear(id: number, gives: T, fault: string | undefined): void {
    const answer = this.#open.get(id);
    this.#open.delete(id);
    if (fault === undefined) answer?.resolve(gives);
    else answer?.reject(new Error(fault));
  }
}
