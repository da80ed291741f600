import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { FILTER_FIELDS, FILTER_NAMES } from "../../src/queue/filter.ts";
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
    queue: { inProgress: 1, queued: 2, tempFail: 3, held: 4, oldest: 30_500 },
    delivery: { connections: 1, idle: 0, waiting: 0, opened: 1, reused: 0 },
    sites: { well: 1, slow: 0, resting: 2, probing: 0, suspended: 0 },
  });
});

test("queue passes its filter on", async () => {
  const face = controlFace();
  await run("/queue", "", face);
  await run("/queue", "domain=Example.NET&id=A1&state=held&limit=7", face);
  await run("/queue", "id=A1&id=A2&sender=%3Ca@b%3E&recipient=c@d&error=451&older=1m&younger=1h&sort=due", face);
  assert.deepEqual(face.filters, [{}, { domain: "example.net", id: "A1", state: "held", limit: 7 }, {
    id: ["A1", "A2"],
    sender: "a@b",
    recipient: "c@d",
    error: "451",
    queuedBefore: 30_500,
    queuedAfter: 90_500 - 3_600_000,
    sort: "due",
  }]);
  for (const query of ["state=asleep", "limit=0", "limit=-1", "limit=x", "older=x", "sort=size"]) {
    await assert.rejects(async () => await run("/queue", query), BadArgument);
  }
});

test("trace tells of each id it is given, and wants one", async () => {
  const told = await run("/queue/trace", "id=A1&id=A2") as { id: string }[];
  assert.deepEqual(told.map(({ id }) => id), ["A1", "A2"]);
  await assert.rejects(async () => await run("/queue/trace", ""), BadArgument);
});

test("the verbs that change something do so, and say to how many items", async () => {
  const face = controlFace(2);
  assert.deepEqual(await run("/queue/flush", "", face), { items: 2 });
  assert.deepEqual(await run("/queue/flush", "domain=Example.net", face), { items: 2 });
  for (const verb of ["hold", "release", "retry", "remove", "bounce"] as const) {
    assert.deepEqual(await run(`/queue/${verb}`, "id=A1", face), { items: 2, passed: 1 });
  }
  await run("/queue/hold", "sender=a@b&dry_run=1", face);
  await run("/queue/bounce", "all=1&reason=Sorry", face);
  await run("/restart", "", face);
  await run("/shutdown", "", face);
  assert.deepEqual(face.told, [
    "flush",
    "flush example.net",
    "hold",
    "release",
    "retry",
    "remove",
    "bounce",
    "hold dry",
    "bounce Sorry",
    "restart",
    "shutdown",
  ]);
  assert.deepEqual(face.filters, [...Array(5).fill({ id: "A1" }), { sender: "a@b" }, {}]);
});

test("import wants a directory by its whole path, and tells of each file", async () => {
  const face = controlFace();
  assert.deepEqual(await run("/queue/import", "dir=/var/spool/haraka", face), [{ file: "a", id: "A" }, {
    file: "b",
    reason: "it is empty",
  }]);
  for (const query of ["", "dir=", "dir=here"]) {
    await assert.rejects(async () => await run("/queue/import", query, face), BadArgument);
  }
  assert.deepEqual(face.told, ["import /var/spool/haraka"]);
});

test("nothing is done to all mail unless that is said", async () => {
  const face = controlFace();
  for (const verb of ["hold", "release", "retry", "remove", "bounce"] as const) {
    for (const query of ["", "limit=5", "sort=due", "dry_run=1"]) {
      await assert.rejects(async () => await run(`/queue/${verb}`, query, face), /wants an id, a filter or all=1/);
    }
    await assert.rejects(async () => await run(`/queue/${verb}`, "all=yes", face), /all wants 1/);
  }
  assert.deepEqual(face.told, []);
});

test("the manual has every verb with its method and arguments", () => {
  const page = readFileSync(new URL("../../docs/process.md", import.meta.url), "utf8");
  for (const [path, { method, takes }] of Object.entries(CONTROL_VERBS)) {
    const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${path}\``)) ?? "";
    const isField = (word: string) => Object.hasOwn(FILTER_FIELDS, word);
    const words = Object.keys(takes);
    // A filter is told of once for all.
    const own = words.includes("sender") ? ["a filter", ...words.filter((word) => !isField(word))] : words;
    for (const word of [method, ...own]) assert.ok(row.includes(word), `${path} ${word}`);
  }
  for (const name of FILTER_NAMES) assert.match(page, new RegExp(`^A filter is [^]*?\`${name}\``, "m"));
});
