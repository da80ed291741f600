import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { BadArgument, CONTROL_VERBS, type ControlPath } from "../../src/server/control_verbs.ts";
import { controlFace } from "../kit/control_face.ts";
import { test } from "../kit/test.ts";

const run = async (path: ControlPath, query: string, face = controlFace()) =>
  await CONTROL_VERBS[path].run(face, new URLSearchParams(query), 90_500);

test("status tells the process, its listeners and the counts", async () => {
  assert.deepEqual(await run("/status", ""), {
    pid: 4242,
    version: "1.2.3",
    uptimeSeconds: 90,
    addresses: ["[::1]:25", "/run/smtp"],
    sessions: 3,
    threads: 1,
    queue: { inProgress: 1, queued: 2, tempFail: 3, held: 4 },
    delivery: { connections: 1, idle: 0, waiting: 0, opened: 1, reused: 0 },
  });
});

test("queue passes its filter on", async () => {
  const face = controlFace();
  await run("/queue", "", face);
  await run("/queue", "domain=Example.NET&id=A1&state=held&limit=7", face);
  assert.deepEqual(face.filters, [{}, { domain: "example.net", id: "A1", state: "held", limit: 7 }]);
  for (const query of ["state=asleep", "limit=0", "limit=-1", "limit=x"]) {
    await assert.rejects(async () => await run("/queue", query), BadArgument);
  }
});

test("the verbs that change something do so, and say to how many items", async () => {
  const face = controlFace(2);
  assert.deepEqual(await run("/queue/flush", "", face), { items: 2 });
  assert.deepEqual(await run("/queue/flush", "domain=Example.net", face), { items: 2 });
  for (const verb of ["hold", "release", "remove"] as const) {
    assert.deepEqual(await run(`/queue/${verb}`, "id=A1", face), { items: 2 });
    await assert.rejects(async () => await run(`/queue/${verb}`, "", face), /wants an id/);
  }
  await run("/restart", "", face);
  await run("/shutdown", "", face);
  assert.deepEqual(face.told, [
    "flush",
    "flush example.net",
    "hold A1",
    "release A1",
    "remove A1",
    "restart",
    "shutdown",
  ]);
});

test("the manual has every verb with its method and arguments", () => {
  const page = readFileSync(new URL("../../docs/process.md", import.meta.url), "utf8");
  for (const [path, { method, takes }] of Object.entries(CONTROL_VERBS)) {
    const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${path}\``)) ?? "";
    for (const word of [method, ...Object.keys(takes)]) assert.ok(row.includes(word), `${path} ${word}`);
  }
});
