/**
 * The pool: connections leased by what they are (destination, source, name, TLS, credentials) and given back by disposing of the lease.
 *
 * Promises that a connection is never leased twice, that neither a destination nor a site ever has more than its share open (idle ones count), that
 * whoever waits is served in order, and that what broke is not given out again. A host that could not be reached is remembered for a while.
 */
import type { Clock } from "../base/clock.ts";
import type { PoolNumbers } from "../hooks/operations.ts";
import type { Conversation } from "./conversation.ts";
import type { Fact } from "./finding.ts";

export interface PoolLimits {
  readonly idleMs: number;
  readonly messagesPerConnection: number;
  readonly connectionsPerDestination: number;
  /** All destinations of one site together. */
  readonly site?: { readonly name: string; readonly connections: number };
}

export type Open = () => Promise<Conversation | Fact>;

interface Slot {
  readonly key: string;
  /** Open or being opened. */
  open: number;
  /** The one used last is the last. */
  readonly idle: Conversation[];
  readonly waiting: Waiter[];
}
/** What a site has open, over all destinations. A connection is that of the last mail it carried. */
interface Share {
  readonly name: string;
  limit: number;
  open: number;
  /** The one idle the longest first. */
  readonly idle: Map<Conversation, Slot>;
  readonly waiting: (Waiter & { readonly key: string; readonly fresh: boolean })[];
}
interface Waiter {
  /** A connection, or leave to open one. */
  readonly give: (conversation: Conversation | undefined) => void;
}

export class Pool {
  readonly #clock: Clock;
  readonly #slots = new Map<string, Slot>();
  readonly #shares = new Map<string, Share>();
  readonly #owners = new Map<Conversation, Share>();
  readonly #leaving = new Set<Promise<void>>();
  readonly #unreachable = new Map<string, { readonly until: number; readonly times: number; readonly fact: Fact }>();
  #stopped = false;
  opened = 0;
  reused = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A connection for `key`: an idle one, at once; or one made by `open`, once there is room. `fresh` passes over idle ones. Rejects with the
   * signal's reason while it waits.
   */
  lease(
    key: string,
    limits: PoolLimits,
    fresh: boolean,
    open: Open,
    signal: AbortSignal,
  ): Lease | Promise<Lease | Fact> {
    const share = limits.site === undefined ? undefined : this.#share(limits.site);
    const slot = this.#slots.get(key);
    if (!fresh && slot !== undefined) {
      const idle = this.#takeIdle(slot, share);
      if (idle !== undefined) return this.#lend(slot, idle, limits, share ?? this.#own(idle, undefined));
    }
    return this.#leaseInTurn(key, limits, fresh, open, signal, share);
  }

  async #leaseInTurn(
    key: string,
    limits: PoolLimits,
    fresh: boolean,
    open: Open,
    signal: AbortSignal,
    share: Share | undefined,
  ): Promise<Lease | Fact> {
    if (share !== undefined) {
      const given = await this.#enter(share, key, fresh, signal);
      if (given !== undefined) return this.#lend(this.#slot(key), given, limits, share);
    }
    try {
      return await this.#leaseAnew(key, limits, fresh, open, signal, share);
    } catch (error) {
      this.#vacate(share);
      throw error;
    }
  }

  /** With a place in the site's share. */
  async #leaseAnew(
    key: string,
    limits: PoolLimits,
    fresh: boolean,
    open: Open,
    signal: AbortSignal,
    share: Share | undefined,
  ): Promise<Lease | Fact> {
    const slot = this.#slot(key);
    if (!fresh) {
      const idle = this.#takeIdle(slot);
      if (idle !== undefined) return this.#lend(slot, idle, limits, this.#own(idle, share));
    }
    if (slot.open >= limits.connectionsPerDestination) {
      // An idle connection that a fresh one is wanted instead of makes room for it.
      const idle = fresh ? this.#takeIdle(slot) : undefined;
      if (idle !== undefined) this.#leave(slot, idle);
    }
    if (slot.open >= limits.connectionsPerDestination) {
      const given = await this.#wait(slot.waiting, (give) => ({ give }), signal);
      if (given !== undefined) return this.#lend(slot, given, limits, this.#own(given, share));
      const known = this.unreachable(key);
      if (known !== undefined) { // found out by the one before us: not everybody who waits need try
        this.#freed(slot);
        this.#vacate(share);
        return known;
      }
    } else {
      slot.open++;
      this.#slots.set(key, slot); // it may have been dropped when its last connection went just now
    }
    return await this.#open(slot, limits, open, signal, share);
  }

  /** Whether there is any host that `unreachable` may know. */
  get knowsTrouble(): boolean {
    return this.#unreachable.size > 0;
  }

  /** What was found when no connection could be had, if that was not long ago. */
  unreachable(key: string): Fact | undefined {
    if (this.#unreachable.size === 0) return undefined;
    const known = this.#unreachable.get(key);
    return known !== undefined && known.until > this.#clock.monotonic() ? known.fact : undefined;
  }

  /** That no connection could be had, if that is what was found: others need not try for a while. */
  remember(key: string, fact: Fact): void {
    const { kind } = fact.finding;
    if (kind !== "unreachable" && !(kind === "silence" && fact.stage === "greeting")) return;
    const now = this.#clock.monotonic();
    const times = (this.#unreachable.get(key)?.times ?? 0) + 1;
    if (this.#unreachable.size >= MOST_REMEMBERED) {
      for (const [other, { until }] of this.#unreachable) if (until <= now) this.#unreachable.delete(other);
    }
    if (this.#unreachable.size >= MOST_REMEMBERED) this.#unreachable.clear();
    const rest = Math.min(FIRST_REST_MS * 2 ** (times - 1), LONGEST_REST_MS);
    this.#unreachable.set(key, { until: now + rest, times, fact });
  }

  /** One that was never leased takes leave; `stop` waits for it. */
  part(conversation: Conversation): void {
    const leaving = conversation.quit().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  get counts(): { readonly connections: number; readonly idle: number; readonly waiting: number } {
    let [connections, idle, waiting] = [0, 0, 0];
    for (const slot of this.#slots.values()) {
      connections += slot.open;
      idle += slot.idle.length;
      waiting += slot.waiting.length;
    }
    for (const share of this.#shares.values()) waiting += share.waiting.length;
    return { connections, idle, waiting };
  }

  /** By where they lead; what else tells them apart, credentials among it, is nobody's to read. */
  list(): PoolNumbers[] {
    const byName = new Map<string, PoolNumbers>();
    for (const { key, open, idle } of this.#slots.values()) {
      const name = key.split(" ")[1] ?? "";
      const known = byName.get(name);
      const inUse = open - idle.length;
      byName.set(name, { name, inUse: inUse + (known?.inUse ?? 0), size: open + (known?.size ?? 0) });
    }
    return [...byName.values()];
  }

  /** Closes what is idle; what is leased goes when it is given back. Resolves when every QUIT has been answered or given up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const slot of this.#slots.values()) {
      for (const idle of slot.idle.splice(0)) this.#leave(slot, idle);
    }
    while (this.#leaving.size > 0) await Promise.all(this.#leaving);
  }

  async #open(
    slot: Slot,
    limits: PoolLimits,
    open: Open,
    signal: AbortSignal,
    share: Share | undefined,
  ): Promise<Lease | Fact> {
    let opened: Conversation | Fact;
    try {
      signal.throwIfAborted();
      opened = await open();
    } catch (error) {
      this.#freed(slot);
      throw error;
    }
    if ("finding" in opened) {
      this.remember(slot.key, opened);
      this.#freed(slot);
      this.#vacate(share);
      return opened;
    }
    if (this.#unreachable.size > 0) this.#unreachable.delete(slot.key);
    this.opened++;
    if (share !== undefined) this.#owners.set(opened, share);
    return this.#lend(slot, opened, limits, share);
  }

  #lend(slot: Slot, conversation: Conversation, limits: PoolLimits, share: Share | undefined): Lease {
    conversation.peer.onIdle = undefined;
    if (conversation.messages > 0) this.reused++;
    return new Lease(conversation, () => this.#giveBack(slot, conversation, limits, share));
  }

  #giveBack(slot: Slot, conversation: Conversation, limits: PoolLimits, share: Share | undefined): void {
    const good = conversation.usable && !this.#stopped && conversation.messages < limits.messagesPerConnection;
    if (good && slot.waiting.length > 0) return slot.waiting.shift()!.give(conversation);
    const next = share?.waiting[0];
    if (good && next?.key === slot.key && !next.fresh) return share!.waiting.shift()!.give(conversation);
    if (!good || limits.idleMs <= 0 || next !== undefined) return this.#leave(slot, conversation);
    conversation.peer.allow(limits.idleMs);
    slot.idle.push(conversation);
    share?.idle.set(conversation, slot);
    conversation.peer.idle(() => {
      const at = slot.idle.indexOf(conversation);
      if (at >= 0) slot.idle.splice(at, 1);
      this.#leave(slot, conversation);
    });
  }

  /** Of those that are `share`'s, where it is given. */
  #takeIdle(slot: Slot, share?: Share): Conversation | undefined {
    for (let i = slot.idle.length - 1; i >= 0; i--) {
      const idle = slot.idle[i]!;
      if (share !== undefined && this.#owners.get(idle) !== share) continue;
      slot.idle.splice(i, 1);
      if (!idle.usable) {
        this.#leave(slot, idle);
        continue;
      }
      this.#owners.get(idle)?.idle.delete(idle);
      return idle;
    }
    return undefined;
  }

  /** The place is free when the connection is closed: the peer counts them too. */
  #leave(slot: Slot, conversation: Conversation): void {
    conversation.peer.onIdle = undefined;
    const owner = this.#owners.get(conversation);
    owner?.idle.delete(conversation);
    const gone = () => {
      this.#owners.delete(conversation);
      this.#freed(slot);
      this.#vacate(owner);
    };
    if (conversation.peer.closed) return gone();
    const leaving = conversation.quit().finally(() => {
      this.#leaving.delete(leaving);
      gone();
    });
    this.#leaving.add(leaving);
  }

  #freed(slot: Slot): void {
    const next = slot.waiting.shift();
    if (next !== undefined) return next.give(undefined); // its place passes on
    slot.open--;
    if (slot.open === 0 && slot.idle.length === 0) this.#slots.delete(slot.key);
  }

  /** A place in a site's share; or a connection that has one. An idle one to somewhere else makes room. */
  async #enter(share: Share, key: string, fresh: boolean, signal: AbortSignal): Promise<Conversation | undefined> {
    if (share.open < share.limit) {
      share.open++;
      this.#shares.set(share.name, share);
      return undefined;
    }
    const [oldest] = share.idle;
    const waiting = this.#wait(share.waiting, (give) => ({ give, key, fresh }), signal);
    if (oldest !== undefined) {
      const [conversation, from] = oldest;
      from.idle.splice(from.idle.indexOf(conversation), 1);
      this.#leave(from, conversation);
    }
    return await waiting;
  }

  /** A place in a share is free. */
  #vacate(share: Share | undefined): void {
    if (share === undefined) return;
    const next = share.open <= share.limit ? share.waiting.shift() : undefined;
    if (next !== undefined) return next.give(undefined);
    share.open--;
    if (share.open === 0 && share.waiting.length === 0) this.#shares.delete(share.name);
  }

  /** A connection becomes that of the one who has a place for it. */
  #own(conversation: Conversation, share: Share | undefined): Share | undefined {
    const before = this.#owners.get(conversation);
    if (share === undefined) this.#owners.delete(conversation);
    else this.#owners.set(conversation, share);
    this.#vacate(before);
    return share;
  }

  #wait<W extends Waiter>(
    waiting: W[],
    make: (give: Waiter["give"]) => W,
    signal: AbortSignal,
  ): Promise<Conversation | undefined> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const at = waiting.indexOf(waiter);
        if (at >= 0) waiting.splice(at, 1);
        reject(signal.reason);
      };
      const waiter = make((conversation) => {
        signal.removeEventListener("abort", onAbort);
        resolve(conversation);
      });
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      waiting.push(waiter);
    });
  }

  #share({ name, connections }: NonNullable<PoolLimits["site"]>): Share {
    let share = this.#shares.get(name);
    if (share === undefined) {
      this.#shares.set(name, share = { name, limit: connections, open: 0, idle: new Map(), waiting: [] });
    }
    share.limit = connections;
    while (share.open < share.limit && share.waiting.length > 0) { // it was raised
      share.open++;
      share.waiting.shift()!.give(undefined);
    }
    return share;
  }

  #slot(key: string): Slot {
    let slot = this.#slots.get(key);
    if (slot === undefined) this.#slots.set(key, slot = { key, open: 0, idle: [], waiting: [] });
    return slot;
  }
}

const FIRST_REST_MS = 5_000;
const LONGEST_REST_MS = 60_000;
const MOST_REMEMBERED = 10_000;

/** A connection on loan. Disposing gives it back; whether it can be used again it knows itself. */
export class Lease {
  readonly conversation: Conversation;
  readonly #giveBack: () => void;
  #held = true;

  constructor(conversation: Conversation, giveBack: () => void) {
    this.conversation = conversation;
    this.#giveBack = giveBack;
  }

  [Symbol.dispose](): void {
    if (!this.#held) return;
    this.#held = false;
    this.#giveBack();
  }
}
