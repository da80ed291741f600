/** Everything that must be let go of, last opened first. */
export type Closers = (() => void | Promise<void>)[];

/** Closes all, in reverse, and empties the list. Never rejects. */
export async function closeInTurn(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch { /* the rest must be let go of all the same; whoever failed has logged why */ }
  }
}
