import assert from "node:assert/strict";
import { askSites } from "../../src/cli/sites.ts";
import type { SitesAction } from "../../src/cli/sites_options.ts";
import { SitesDesk } from "../../src/queue/sites/sites_desk.ts";
import { controlHandler } from "../../src/server/control.ts";
import { CONTROL_VERBS, type ControlPath } from "../../src/server/control_verbs.ts";
import { controlFace } from "../kit/control_face.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { laneKit, sitesOf } from "../queue/sites/kit.ts";

/** The command line over the control socket's handler and a real desk, without the socket. */
function kit() {
  const table = sitesOf({ breaker: 1 }, { "mx:*.big.example": { rate: { count: 5, perMs: 60_000 } } });
  const lanes = laneKit({ table, proven: ["a.test"] });
  lanes.lanes.open = true;
  const desk = new SitesDesk({ clock: lanes.clock, book: lanes.book, lanes: lanes.lanes, table: () => table });
  const face = controlFace();
  const operations = {
    ...face.operations,
    sites: (ask: Parameters<SitesDesk["ask"]>[0]) => Promise.resolve(desk.ask(ask)),
  };
  const handler = controlHandler({ clock: lanes.clock, log: memoryLog().log, face: { ...face, operations } });
  const said: string[] = [];
  const ask = async (verb: ControlPath, given: { readonly [name: string]: unknown } = {}) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, String(value));
    const { method } = CONTROL_VERBS[verb];
    const answer = await handler(new Request(`http://x${verb}?${query}`, { method }), {} as never);
    const lines = (await answer.text()).trim().split("\n").filter((line) => line !== "").map((line) =>
      JSON.parse(line)
    );
    if (answer.status !== 200) throw new Error(lines[0].error);
    return verb === "/sites" ? lines : lines[0];
  };
  const out = {
    say: (text: string) => (said.push(text), 0 as const),
    complain: (text: string) => void said.push(text),
    write: () => {},
  };
  const run = async (verb: SitesAction["verb"], more: Partial<SitesAction> = {}) => {
    const code = await askSites({ do: "sites", verb, json: false, ...more }, {
      machine: { clock: lanes.clock },
      out,
      server: { ask, queueDir: "/q", settings: {} as never },
    });
    return [code, ...said.splice(0)];
  };
  return { ...lanes, run };
}

test("sites are listed, suspended with reason and end, shown, and resumed", async () => {
  const k = kit();
  assert.deepEqual(await k.run("ls"), [0, "No destination has mail in line, and all are well"]);
  k.lanes.add({ name: "1", domain: "a.test" });
  k.lanes.add({ name: "2", domain: "dead.test" });
  k.end("2", { kind: "unreachable", reason: "cannot connect" });
  const name = "mx:*.big.example";
  assert.deepEqual(await k.run("suspend", { name, for: "2h", reason: "they asked" }), [
    0,
    `${name} suspended for 2h more, by the operator: they asked; 0 of 0 deliveries under way, 0 in line`,
  ]);
  assert.deepEqual(await k.run("ls"), [
    0,
    [
      "a.test well; 1 of 20 deliveries under way, 0 in line",
      "dead.test resting for 1m more, by the breaker: cannot connect; 0 of 0 deliveries under way, 0 in line",
      `${name} suspended for 2h more, by the operator: they asked; 0 of 0 deliveries under way, 0 in line`,
    ].join("\n"),
  ]);
  assert.deepEqual(await k.run("show", { name }), [
    0,
    [
      `site:       ${name}`,
      "state:      suspended for 2h more, by the operator: they asked",
      "deliveries: 0 of 0 it may have now; 20 by outbound.sites.ini",
      "in line:    0",
      "rate:       5 in 1m",
    ].join("\n"),
  ]);
  assert.deepEqual(await k.run("resume", { name }), [0, `${name} well; 0 of 5 deliveries under way, 0 in line`]);
  assert.deepEqual(await k.run("resume", { name }), [0, `Nothing kept ${name} back`]);
  const [code, json] = await k.run("show", { name: "dead.test", json: true });
  assert.deepEqual([code, JSON.parse(json as string).state], [0, "resting"]);
});

test("a bad time is refused by the server too", async () => {
  await assert.rejects(kit().run("suspend", { name: "a.test", for: "soon" }), /for wants a time/);
});
