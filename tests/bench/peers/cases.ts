/** What is measured, one after the other: each case is a table of its own. */
import type { Task } from "./servers.ts";

export interface Case {
  readonly title: string;
  readonly task: Task;
  readonly connections: number;
  readonly size: number;
  readonly kept: boolean;
  readonly domains: number;
  /** Messages of a round; slow servers get fewer, so that a round takes seconds: the rate is per second all the same. */
  readonly messages: number;
  readonly fewer: number;
}

export interface Wanted {
  readonly tasks: readonly string[];
  readonly connections: readonly number[];
  readonly sizes: readonly number[];
  readonly fanOut: number;
  readonly messages: number;
}

const SLOW = 1500;

/** `tasks`: `discard`, `relay`, `sizes` (all but the first of them, kept connections) and `fanout`. */
export function casesOf({ tasks, connections, sizes, fanOut, messages }: Wanted): Case[] {
  const [few, small] = [connections[0]!, sizes[0]!];
  const cases: Case[] = [];
  const add = (what: string, one: Omit<Case, "title" | "fewer">) =>
    cases.push({
      ...one,
      fewer: Math.min(one.messages, SLOW),
      title: `${what}, ${octets(one.size)}, ${one.connections} ${one.kept ? "kept" : "new"} connections`,
    });
  const base = { connections: few, size: small, domains: 1, kept: true, messages };
  for (const kept of [false, true]) {
    if (tasks.includes("discard")) {
      add("(i) accept and discard", { ...base, task: "discard", kept, messages: 2 * messages });
    }
  }
  for (const many of tasks.includes("relay") ? connections : []) {
    for (const kept of [false, true]) add(RELAY, { ...base, task: "relay", connections: many, kept });
  }
  for (const size of tasks.includes("sizes") ? sizes.slice(1) : []) {
    // As many octets as four times as many small ones: seconds, not minutes.
    add(RELAY, { ...base, task: "relay", size, messages: Math.max(50, Math.round(4 * messages * small / size)) });
  }
  if (tasks.includes("fanout") && fanOut > 1) {
    const each = Math.max(10, Math.round(2 * messages / fanOut));
    add(`${RELAY} to ${fanOut} domains`, { ...base, task: "relay", domains: fanOut, messages: each });
  }
  return cases;
}

const RELAY = "(ii) accept, keep durably, deliver";

function octets(size: number): string {
  return size >= 1e6 ? `${size / 1e6} MB` : `${size / 1e3} KB`;
}
