/**
 * The runner: asks the functions of a hook in turn and says what came of it (spec 01 §7.2).
 *
 * Promises: a hook nobody listens at costs a look-up; functions that answer at once cost no promise and no timer; it never rejects. A
 * function that throws or is late is logged by its plugin's name and counts as the hook's rule says; a verdict the hook may not give
 * is logged and passed over.
 */
import type { Clock } from "../base/clock.ts";
import type { LevelName, Logger } from "../log/types.ts";
import { HookCall, type Waited, waitFor } from "./hook_call.ts";
import type { HookTable, Prioritized } from "./plugin.ts";
import type { HookEvent, HookName } from "./points.ts";
import type { HookOutcome, Hooks, RunOptions } from "./runner.ts";
import { HOOK_RULES, type HookRule, ruleOf } from "./rules.ts";
import type { Session, Transaction } from "./session.ts";
import { isRefusal, type Refusal, type Verdict } from "./verdict.ts";

export interface HookRunnerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** `continue`: a function that throws counts as having said nothing (Haraka's way). Default `defer`: as the hook's rule says. */
  readonly onFault?: "defer" | "continue";
}

/** Runs `run`, and whatever it goes on to await, so that what is asked meanwhile is logged by `log`. */
export type Within = <T>(log: Logger, run: () => T) => T;

/** Whose functions they are; `timeoutMs` 0 means that it may take as long as it likes. */
export interface HookOwner {
  readonly name: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
}

/** One line of `kasi -o`. */
export interface HookOrder {
  readonly hook: string;
  readonly plugin: string;
  readonly priority: number;
  readonly timeoutMs: number;
}

interface Entry extends HookOrder {
  readonly run: (event: unknown) => unknown;
}
interface Chain {
  readonly name: HookName;
  readonly rule: HookRule;
  readonly entries: readonly Entry[];
  readonly event: { readonly session?: Session; readonly transaction?: Transaction };
  readonly options: RunOptions;
}
type Outcome = HookOutcome<any>;
type AnyVerdict = Verdict<unknown>;

export const DEFAULT_TIMEOUT_MS = 30_000;
const NOTHING: Outcome = { verdict: undefined, by: undefined };

export class HookRunner implements Hooks {
  readonly #chains = new Map<string, readonly Entry[]>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #throwsCarryOn: boolean;
  /** Used while DEBUG is logged; set by whoever knows which look-ups belong to a call. */
  within: Within | undefined;

  constructor(options: HookRunnerOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#throwsCarryOn = options.onFault === "continue";
  }

  /** Adds a plugin's functions behind those of the same priority. Throws TypeError for an entry that is no function. */
  add(owner: HookOwner, table: HookTable): void {
    const entries = (Object.entries(table) as [string, unknown][])
      .flatMap(([hook, listed]) => (Array.isArray(listed) ? listed : [listed]).map((one) => [hook, one] as const));
    for (const [hook, listed] of entries) {
      if (listed === undefined) continue;
      const { priority, run } = typeof listed === "function"
        ? { priority: 0, run: listed as Entry["run"] }
        : prioritized(listed, owner.name, hook);
      if (!Object.hasOwn(HOOK_RULES, hook) && !hook.includes(":")) {
        this.#log.notice(`Plugin ${owner.name} listens at ${hook}, which is no hook of the engine`);
      }
      const entry = { hook, plugin: owner.name, priority, timeoutMs: owner.timeoutMs ?? DEFAULT_TIMEOUT_MS, run };
      // A new array: chains on their way keep theirs. The sort is stable, so equal priorities keep their order.
      this.#chains.set(hook, [...(this.#chains.get(hook) ?? []), entry].sort((a, b) => a.priority - b.priority));
    }
  }

  has(name: HookName): boolean {
    return this.#chains.has(name);
  }

  /** Every hook with its functions in the order they run. */
  order(): HookOrder[] {
    const names = [...this.#chains.keys()].sort();
    return names.flatMap((name) =>
      this.#chains.get(name)!.map(({ hook, plugin, priority, timeoutMs }) => ({ hook, plugin, priority, timeoutMs }))
    );
  }

  run<N extends HookName>(
    name: N,
    event: Omit<HookEvent<N>, "signal">,
    options: RunOptions,
  ): HookOutcome<N> | Promise<HookOutcome<N>> {
    const entries = this.#chains.get(name);
    if (entries === undefined) return NOTHING;
    return this.#from({ name, rule: ruleOf(name), entries, event: event as Chain["event"], options }, 0);
  }

  /** Goes on at entry `i`: a promise only from the first function on that answers with one. */
  #from(chain: Chain, i: number): Outcome | Promise<Outcome> {
    const { entries, event, options } = chain;
    for (; i < entries.length; i++) {
      if (options.signal?.aborted) return NOTHING;
      const entry = entries[i]!;
      if (skipped(event, entry.plugin)) continue;
      const call = new HookCall(event, options.signal);
      const began = logs(chain, "INFO") ? this.#clock.monotonic() : 0;
      let said: unknown;
      try {
        said = this.within !== undefined && logs(chain, "DEBUG")
          ? this.within(options.log.child({ origin: entry.plugin }), () => entry.run(call))
          : entry.run(call);
      } catch (fault) {
        HookCall.end(call);
        said = this.#fault(chain, entry, { kind: "threw", fault });
      }
      if (isThenable(said)) {
        const wait = { clock: this.#clock, timeoutMs: entry.timeoutMs, outer: options.signal };
        return waitFor(said, call, wait).then((waited) => {
          if (waited.kind === "gone" || options.signal?.aborted) return NOTHING;
          const value = waited.kind === "said" ? waited.value : this.#fault(chain, entry, waited);
          return this.#settle(chain, i, value, began);
        });
      }
      HookCall.end(call);
      if (said !== undefined && said !== null) return this.#settle(chain, i, said, began);
      if (logs(chain, "DEBUG")) this.#saidNothing(chain, entry, began);
    }
    return NOTHING;
  }

  /** What entry `i` said: the end of the chain, or on to the next. */
  #settle(chain: Chain, i: number, said: unknown, began: number): Outcome | Promise<Outcome> {
    if (said === undefined || said === null) {
      if (logs(chain, "DEBUG")) this.#saidNothing(chain, chain.entries[i]!, began);
      return this.#from(chain, i + 1);
    }
    const { name, rule, event, options } = chain;
    const { plugin } = chain.entries[i]!;
    if (!allowed(rule, said)) {
      if (name !== "log") {
        options.log.error(`Plugin ${plugin} said ${shown(said)} at ${name}, which means nothing there; passed over`);
      }
      return this.#from(chain, i + 1);
    }
    if (logs(chain, "INFO")) {
      const ms = this.#since(began);
      options.log.event("verdict", { hook: name, plugin, verdict: said.kind, msg: textOf(said), ms });
    }
    if (rule.runs === "all") return this.#from(chain, i + 1);
    const outcome: Outcome = { verdict: said, by: plugin };
    if (!isRefusal(said) || event.session === undefined || !this.#chains.has("deny")) return outcome;
    return this.#appeal(chain, i, said, outcome);
  }

  /** The deny hook hears of a refusal; when it says ok, the rest of the chain gets its turn. */
  #appeal(chain: Chain, i: number, refused: Refusal, outcome: Outcome): Outcome | Promise<Outcome> {
    const { name: at, event, options } = chain;
    const told = { session: event.session!, refused, by: outcome.by!, at, event };
    const heard = this.run("deny", told, options);
    const decide = (second: HookOutcome<"deny">): Outcome | Promise<Outcome> => {
      if (options.signal?.aborted) return NOTHING;
      return second.verdict?.kind === "ok" ? this.#from(chain, i + 1) : outcome;
    };
    return heard instanceof Promise ? heard.then(decide) : decide(heard);
  }

  #saidNothing({ name, options }: Chain, { plugin }: Entry, began: number): void {
    options.log.event("hook", { hook: name, plugin, ms: this.#since(began) });
  }

  /** Milliseconds, to the hundredth. */
  #since(began: number): number {
    return Math.round((this.#clock.monotonic() - began) * 100) / 100;
  }

  /** Logs what broke; the verdict it counts as, if any. */
  #fault(chain: Chain, entry: Entry, waited: Exclude<Waited, { kind: "said" | "gone" }>): AnyVerdict | undefined {
    const { name, rule, options } = chain;
    const late = waited.kind === "late";
    if (name !== "log") {
      const reason = late ? `no answer within ${entry.timeoutMs / 1000} s` : reasonOf(waited.fault);
      options.log.event("plugin_fault", { plugin: entry.plugin, hook: name, reason });
      if (!late && waited.fault instanceof Error) options.log.debug(waited.fault.stack ?? "");
    }
    const carryOn = rule.onFault === "carry-on" || (!late && this.#throwsCarryOn);
    if (carryOn || rule.replies === undefined) return undefined;
    const { code, enhanced, text } = rule.replies.fault;
    return { kind: "defer", reply: enhanced === undefined ? { code, text } : { code, enhanced, text } };
  }
}

function prioritized(listed: unknown, plugin: string, hook: string): { priority: number; run: Entry["run"] } {
  const { priority, run } = (listed ?? {}) as Partial<Prioritized<HookName>>;
  if (typeof run !== "function") {
    throw new TypeError(`Plugin ${plugin}: hook ${hook} is ${shown(listed)}; wanted: a function, or { priority, run }`);
  }
  const wanted = Math.trunc(Number(priority ?? 0));
  return {
    priority: Number.isNaN(wanted) ? 0 : Math.min(100, Math.max(-100, wanted)),
    run: run as Entry["run"],
  };
}

/** What the `log` hook does is not logged: it would never end. */
function logs({ name, options }: Chain, level: LevelName): boolean {
  return name !== "log" && options.log.enabled(level);
}

function skipped(event: Chain["event"], plugin: string): boolean {
  const skips = (event.transaction ?? event.session?.transaction)?.skipPlugins;
  return skips !== undefined && skips.size > 0 && skips.has(plugin);
}

/** Plain JavaScript may say anything: only what the hook's rule knows is heard. */
function allowed(rule: HookRule, said: unknown): said is AnyVerdict {
  if (!isObject(said)) return false;
  switch ((said as AnyVerdict).kind) {
    case "ok":
      return rule.ok;
    case "answer":
      return rule.answer;
    case "deny":
    case "defer":
      return rule.replies !== undefined && isObject((said as { reply?: unknown }).reply);
    case "hangUp":
      return rule.replies !== undefined;
    default:
      return false;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function textOf(verdict: AnyVerdict): string {
  const text = verdict.kind === "ok"
    ? verdict.text
    : isRefusal(verdict) && verdict.kind !== "hangUp"
    ? verdict.reply.text
    : "";
  return typeof text === "string" ? text : text?.join(" ") ?? "";
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && typeof (value as { then?: unknown }).then === "function";
}

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? `${fault.name}: ${fault.message}` : shown(fault);
}

function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
