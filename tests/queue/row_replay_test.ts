import assert from "node:assert/strict";
import { utf8Encode } from "../../src/base/bytes.ts";
import { Ledger } from "../../src/queue/ledger.ts";
import type { Place } from "../../src/queue/queued.ts";
import type { Kind } from "../../src/queue/record.ts";
import type { StoredMessage, StoredOutcome, StoredState } from "../../src/queue/stored.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

type Item = StoredState & { readonly domain: string; readonly past: number | undefined };
interface Known {
  readonly place: number;
  readonly items: Map<number, Item>;
  readonly facts: unknown;
}

/** What records mean, as plainly as it can be said. */
class Model {
  readonly messages = new Map<string, Known>();

  apply(kind: Kind, json: unknown, place: number): void {
    if (kind === "accepted") return this.#accepted(json as StoredMessage, place);
    const { i, n } = json as { i: string; n?: number };
    const items = this.messages.get(i)?.items;
    for (const [index, item] of items ?? []) {
      if (n !== undefined && index !== n) continue;
      if (kind === "removed") items!.delete(index);
      else if (kind === "outcome") this.#stand(items!, index, item, json as StoredOutcome, place);
      else {
        const { h: _, ...rest } = item;
        items!.set(index, kind === "hold" ? { ...rest, h: 1 } : rest);
      }
    }
    if (items?.size === 0) this.messages.delete(i);
  }

  #accepted(stored: StoredMessage, place: number): void {
    const items = new Map<number, Item>();
    stored.d.forEach((domain, n) => {
      const l = stored.r.flatMap((_, r) => (stored.g?.[r] ?? 0) === n ? [r] : []);
      items.set(n, { n, a: 0, d: stored.w?.h ?? stored.t, l, domain, past: undefined });
    });
    if (stored.st !== undefined) {
      for (const [n, item] of items) {
        const state = stored.st.find((one) => one.n === n);
        if (state === undefined) items.delete(n);
        else this.#stand(items, n, item, state);
      }
    }
    const { b, w } = stored;
    const asks = stored.r.some((one) => typeof one === "object" && "y" in one && one.y!.includes("D"));
    const facts = [stored.t, stored.z, b?.[0], w?.h, w?.p, w?.by, asks];
    this.messages.delete(stored.i);
    if (items.size > 0) this.messages.set(stored.i, { place, items, facts });
    if (stored.o !== undefined) this.apply("outcome", stored.o, -1);
  }

  #stand(items: Map<number, Item>, n: number, { domain, past }: Item, state: StoredState, place?: number): void {
    const { a, d, l, h, e, s, w } = state;
    if (l.length === 0) return void items.delete(n);
    const said = { ...(h && { h }), ...(e && { e }), ...(s && { s }), ...(w && { w }) };
    items.set(n, { n, a, d, l: [...l].sort((x, y) => x - y), ...said, domain, past: "x" in state ? place : past });
  }
}

const ERRORS = ["timed out", 'said "no"', "Überlastet \\ 日本", "", "451 4.7.1 \u2028 later", "x".repeat(700)];

/** A journal such as none ever was: everything in any order, and what our writer would not write. */
function* records(random: () => number, count: number): Generator<readonly [Kind, object]> {
  const some = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)]!;
  const maybe = (share: number) => random() < share;
  const known: StoredMessage[] = [];
  const stateOf = (message: StoredMessage, n: number): StoredState => ({
    n,
    a: Math.floor(random() * 9),
    d: some([5, 1.7e12, 1.7e12 + 0.5]),
    l: maybe(0.2) ? [] : message.r.flatMap((_, r) => (message.g?.[r] ?? 0) === n && (r === n || maybe(0.9)) ? [r] : []),
    ...(maybe(0.2) && { h: 1 }),
    ...(maybe(0.8) && { e: some(ERRORS), s: some(["4.4.1", "5", "4".repeat(300)]) }),
    ...(maybe(0.2) && { w: 1 }),
  });
  for (let n = 0; n < count; n++) {
    const old = known[Math.floor(random() * known.length)];
    if (old === undefined || maybe(0.3)) {
      const d = maybe(0.7) ? [some(["a.example", "b.example"])] : ["a.example", "c.example", "ü.example"];
      const r = Array.from(
        { length: d.length + Math.floor(random() * (maybe(0.1) ? 40 : 3)) },
        (_, i) => maybe(0.8) ? `u${i}@${d[i % d.length]}` : { a: ["q", "u", "h"] as const, y: some(["N", "SD"]) },
      );
      const message: StoredMessage = {
        i: some([`M${n}`, `Ä${n}.1`, `${n}-${"long".repeat(10)}`]),
        t: 1000 + n,
        s: some(["x@y", ["a", "b", "c"] as const]),
        r,
        d,
        ...(d.length > 1 && { g: r.map((_, i) => i % d.length) }),
        z: 100 + n,
        ...(maybe(0.1) && { n: { deep: { x: [1, { y: '"}]' }] } } }),
        ...(maybe(0.2) &&
          { w: some([{ body: "8BITMIME" as const }, { p: 3 }, { h: 9e12 }, { by: [7, "R"] as const }]) }),
        ...(maybe(0.1) && { b: [`${n}.eml`, 0] as const }),
      };
      known.push(message);
      const report = old !== undefined && maybe(0.1) ? { o: { i: old.i, ...stateOf(old, 0) } } : {};
      yield ["accepted", { ...message, ...report }];
    } else if (maybe(0.15)) {
      yield ["accepted", { ...old, st: old.d.flatMap((_, item) => maybe(0.8) ? [stateOf(old, item)] : []) }];
    } else if (maybe(0.75)) {
      const item = Math.floor(random() * (old.d.length + 0.1));
      yield ["outcome", { i: old.i, ...stateOf(old, item), ...(maybe(0.5) && { x: 1 }) }];
    } else yield [some(["hold", "release", "removed"] as const), { i: old.i, ...(maybe(0.7) && { n: 0 }) }];
  }
}

function shown(ledger: Ledger<string>): unknown[] {
  return [...ledger.messages.values()].map((message) => [
    message.id,
    message.place.offset,
    [
      message.queuedAt,
      message.size,
      message.bodyFile,
      message.wanted?.h,
      message.wanted?.p,
      message.wanted?.by,
      message.asksForDelay,
    ],
    message.entries.map((entry) => ({
      ...entry.stored(),
      ...(entry.lastError === "" && { e: undefined }),
      domain: entry.domain,
      past: (entry.past as Place | undefined)?.offset,
    })),
  ]).sort();
}

for (const way of ["octets, where they will do", "objects"] as const) {
  test(`a journal read by ${way} adds up to what its records say`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const model = new Model();
      let live = 0;
      const ledger = new Ledger<string>({ kept: () => void live++, gone: () => void live-- });
      let at = 0;
      let byOctets = 0;
      for (const [kind, value] of records(seeded(seed), 300)) {
        const json = JSON.stringify(value);
        const bytes = utf8Encode(`${"#".repeat(at % 7)}${json}{"behind":1}`);
        const place = { segment: `s${at % 5}`, offset: ++at, length: json.length };
        const from = (at - 1) % 7;
        const done = way !== "objects" && ledger.applyOctets(kind, bytes, from, bytes.length - 12, place);
        if (done) byOctets++;
        else ledger.apply(kind, JSON.parse(json), place);
        model.apply(kind, JSON.parse(json), at);
      }
      const expected = [...model.messages].map(([id, { place, items, facts }]) => [
        id,
        place,
        facts,
        [...items.values()].map((item) => ({ ...item })),
      ]).sort();
      assert.deepEqual(JSON.parse(JSON.stringify(shown(ledger))), JSON.parse(JSON.stringify(expected)), `seed ${seed}`);
      assert.equal(live, model.messages.size);
      assert.equal(ledger.messages.size, model.messages.size);
      if (way !== "objects") assert.ok(byOctets > 60, `${byOctets} of ${at} by their octets`);
    }
  });
}
