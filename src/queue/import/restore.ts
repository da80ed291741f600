/**
 * Takes a message in as it stood elsewhere, in two steps, so that it is never taken twice and never lost, whenever a crash comes: first it is stored
 * but kept from being tried ({@linkcode Restorer.park}); once its file has been set aside it is let go ({@linkcode Restorer.letGo}). What a crash
 * leaves between the two is found by {@linkcode Restorer.parked}.
 */
import type { Bytes } from "../../base/bytes.ts";
import { crc32c } from "../../base/crc32c.ts";
import type { Source } from "../../mail/message.ts";
import { readStored } from "../body_store.ts";
import type { Core, QueuedEntry } from "../core.ts";
import { listItems, selectSlowly } from "../list.ts";
import { pacer } from "../pacer.ts";
import { type StoredMessage, storeEnvelope } from "../stored.ts";
import { type Brought, partsOf, type QueuedPart, statesOf } from "./brought.ts";

/** Why an item waits whose file was not yet set aside. */
export const PARKED = "it is being imported; should that have been broken off, import the directory again";

/** Octets in memory, or in a body file of the queue's. */
export type Content = Bytes | Source;

export class Restorer {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * The id a file's message goes by: its own, or where other recipients of the same message are queued under that, one like it, the same each time.
   * Undefined when some of its recipients are queued already; `stored` when they are so from this very file.
   */
  nameFor(
    { envelope }: Brought,
    file: string,
    taken: readonly QueuedPart[],
  ): { readonly id: string; readonly stored: boolean } | undefined {
    const wanted = envelope.recipients.map(({ address }) => address.address);
    const other = `${envelope.id}-${crc32c(new TextEncoder().encode(wanted.join())).toString(16).padStart(8, "0")}`;
    for (const id of [envelope.id, other]) if (this.#storedFrom(id) === file) return { id, stored: true };
    const there = [...taken, ...partsOf(listItems(this.#core.ledger, { id: [envelope.id, other] }))]
      .filter(({ id }) => id === envelope.id || id === other);
    if (there.length === 0) return { id: envelope.id, stored: false };
    const queued = new Set(there.flatMap(({ recipients }) => recipients));
    const isFree = !there.some(({ id }) => id === other) && !wanted.some((recipient) => queued.has(recipient));
    return isFree ? { id: other, stored: false } : undefined;
  }

  #storedFrom(id: string): string | undefined {
    const message = this.#core.ledger.look(id);
    return message && readStored(message.place)?.f?.n;
  }

  /** Messages that were parked, with the file each came from. */
  async parked(): Promise<{ readonly id: string; readonly file: string }[]> {
    const { ledger, clock } = this.#core;
    const pause = pacer(clock);
    const found = new Map<string, string>();
    for (const selected of selectSlowly(ledger, { state: "held", error: PARKED })) {
      if (selected === undefined) {
        await pause();
        continue;
      }
      const { message } = selected.entry;
      const file = readStored(message.place)?.f?.n;
      if (file !== undefined) found.set(message.id, file);
    }
    return [...found].map(([id, file]) => ({ id, file }));
  }

  /** Resolves once it is safe on disk. Rejects with `QueueError`, and keeps nothing then; the body file stays its owner's. */
  async park(brought: Brought, file: string, content: Content): Promise<void> {
    const { journal, ledger, bodies } = this.#core;
    const { envelope, queuedAt, items } = brought;
    const inline = content instanceof Uint8Array;
    const body = inline ? undefined : bodies.adopt(content);
    const states = statesOf(brought);
    const stored: StoredMessage = {
      ...storeEnvelope(envelope),
      d: items.map(({ domain }) => domain),
      ...(items.length === 1 ? undefined : { g: itemsOf(brought) }),
      t: queuedAt,
      z: inline ? content.length : content.size,
      ...(body === undefined ? undefined : { b: [body, 0] as const }),
      st: states.map((state) => ({ ...state, h: 1 as const, e: PARKED })),
      f: { n: file, st: states },
    };
    try {
      const place = await journal.append("accepted", JSON.stringify(stored), inline ? [content] : [], envelope.id);
      ledger.apply("accepted", stored, place);
    } catch (error) {
      if (!inline) bodies.disown(content);
      throw error;
    }
  }

  /** It stands now as it stood before; on disk when this resolves. */
  async letGo(id: string): Promise<void> {
    const { journal, ledger, wait, rest } = this.#core;
    const entries = ledger.find(id).filter(isParked);
    const states = entries.length === 0 ? undefined : readStored(entries[0]!.message.place)?.f?.st;
    if (states === undefined) return;
    // Not one of its items goes to rest before all have their state.
    const { message } = entries[0]!;
    message.pins++;
    await Promise.all(entries.map(async (entry) => {
      const state = states.find(({ n }) => n === entry.index);
      if (state === undefined) return;
      const json = JSON.stringify({ i: id, ...state });
      try {
        await journal.append("outcome", json);
      } catch (error) {
        // Its file is set aside already: it is written down once the disk recovers.
        journal.note("outcome", json);
        throw error;
      } finally {
        entry.dueAt = state.d;
        entry.attempts = state.a;
        entry.lastError = state.e;
        entry.lastStatus = state.s;
        entry.told = state.w ?? 0;
        entry.state = state.h === 1 ? "held" : "waiting";
        wait(entry);
      }
    })).finally(() => {
      message.pins--;
      rest(entries[0]!);
    });
  }

  /** Its file could not be set aside: it is not taken. */
  async takeBack(id: string): Promise<void> {
    const { journal, ledger, bodies } = this.#core;
    const entries = ledger.find(id).filter(isParked);
    const message = entries[0]?.message;
    if (message === undefined) return;
    for (const entry of entries) ledger.done(entry);
    await journal.append("removed", JSON.stringify({ i: id }));
    if (message.bodyFile !== undefined) bodies.remove(message.bodyFile);
  }
}

export function isParked({ state, lastError }: Pick<QueuedEntry, "state" | "lastError">): boolean {
  return state === "held" && lastError === PARKED;
}

/** For each recipient its item. */
function itemsOf({ envelope, items }: Brought): number[] {
  return envelope.recipients.map((_, place) => items.findIndex(({ recipients }) => recipients.includes(place)));
}
