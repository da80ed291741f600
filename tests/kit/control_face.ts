/** What the control socket acts upon, as a stand-in that remembers what it was told. */
import type { ControlFace } from "../../src/server/control_verbs.ts";
import type { ListedItem, ListFilter } from "../../src/queue/types.ts";

export interface FakeControlFace extends ControlFace {
  /** Each call that changes something, in words. */
  readonly told: string[];
  readonly filters: ListFilter[];
}

export function controlFace(items = 1): FakeControlFace {
  const told: string[] = [];
  const filters: ListFilter[] = [];
  const act = (verb: string) => (argument?: string) => {
    told.push(argument === undefined ? verb : `${verb} ${argument}`);
    return Promise.resolve(items);
  };
  return {
    told,
    filters,
    pid: 4242,
    version: "1.2.3",
    startedAt: 0,
    addresses: [{ transport: "tcp", hostname: "::1", port: 25 }, { transport: "unix", path: "/run/smtp" }],
    shutdown: () => void told.push("shutdown"),
    operations: {
      list(filter = {}) {
        filters.push(filter);
        return Promise.resolve(Array.from({ length: items }, (_, i) => item(`A${i}.1`)));
      },
      stats: () =>
        Promise.resolve({
          sessions: 3,
          threads: 1,
          queue: { inProgress: 1, queued: 2, tempFail: 3, held: 4, oldest: 30_500 },
          sites: { well: 1, slow: 0, resting: 2, probing: 0, suspended: 0 },
          delivery: { connections: 1, idle: 0, waiting: 0, opened: 1, reused: 0 },
        }),
      flush: act("flush"),
      trace: (id) =>
        Promise.resolve([{
          ...item(id),
          site: "example.net",
          envelope: undefined,
          history: [],
          next: NEXT,
          givenUpAt: 0,
        }]),
      sites(ask) {
        const { do: verb, ...rest } = ask;
        told.push([verb, ...Object.values(rest)].join(" "));
        return Promise.resolve({
          sites: [{ ...SITE, name: "name" in ask ? ask.name : SITE.name }],
          changed: verb !== "resume",
        });
      },
      order({ verb, filter, dryRun, reason }) {
        filters.push(filter);
        told.push([verb, ...(dryRun ? ["dry"] : []), ...(reason === undefined ? [] : [reason])].join(" "));
        return Promise.resolve({ items, passed: 1 });
      },
      import(dir) {
        told.push(`import ${dir}`);
        return Promise.resolve([{ file: "a", id: "A" }, { file: "b", reason: "it is empty" }]);
      },
      pools: () => Promise.resolve([{ name: "192.0.2.1:25", inUse: 1, size: 2 }]),
      restart: async () => void await act("restart")(),
    },
  };
}

const SITE = { name: "a.example", state: "well", active: 1, ready: 2, limit: 5, connections: 20, fails: 0 } as const;
const NEXT = { why: "held", text: "nothing" } as const;

function item(id: string): ListedItem {
  return {
    id,
    domain: "example.net",
    sender: "a@example.com",
    recipients: ["b@example.net"],
    attempts: 1,
    queuedAt: 0,
    dueAt: 60_000,
    state: "waiting",
    size: 100,
  };
}
