import assert from "node:assert/strict";
import { controlHandler, openControl } from "../../src/server/control.ts";
import { CONTROL_VERBS } from "../../src/server/control_verbs.ts";
import { controlFace } from "../kit/control_face.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

function control(face = controlFace()) {
  const { clock } = memoryMachine();
  const memory = memoryLog();
  const handle = controlHandler({ clock, log: memory.log, face });
  const ask = async (method: string, target: string) => {
    // Deno's own URLs for a Unix socket.
    const response = await handle(new Request(`http://localhost${target}`, { method }), {
      ip: "",
      upgrade: () => new Response(),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { ask, log: memory.text };
}

/** What a verb cannot do without. */
const NEEDS = [[/^\/queue\/import/, "?dir=/x"], [/^\/queue\/(?!flush)/, "?id=A1"], [
  /^\/sites\/./,
  "?name=x.test",
]] as const;

test("every verb of the table is answered by its own method, and refused by the other", async () => {
  const { ask } = control();
  for (const [path, { method }] of Object.entries(CONTROL_VERBS)) {
    const query = NEEDS.find(([of]) => of.test(path))?.[1] ?? "";
    assert.equal((await ask(method, path + query)).status, 200, path);
    const other = await ask(method === "GET" ? "POST" : "GET", path);
    assert.equal(other.status, 405);
    assert.equal(other.headers.get("allow"), method);
  }
});

test("[row 135] a verb that is not in the table is refused, whatever its name", async () => {
  const { ask, log } = control();
  for (const path of ["/", "/flushQueue", "/constructor", "/__proto__", "/queue/", "//queue", "/queue/flush/x"]) {
    for (const method of ["GET", "POST"]) assert.equal((await ask(method, path)).status, 404, path);
  }
  assert.equal(log(), "");
});

test("arguments the verb does not take are refused before anything is done", async () => {
  const { ask, log } = control();
  for (const target of ["/queue/flush?dom=x.test", "/shutdown?now=1"]) {
    assert.equal((await ask("POST", target)).status, 400, target);
  }
  assert.equal(log(), "");
});

test("what changes something is logged, and a fault of it is told and logged", async () => {
  const face = controlFace();
  const { ask, log } = control({
    ...face,
    operations: { ...face.operations, flush: () => Promise.reject(new Error("no such luck")) },
  });
  await ask("GET", "/status");
  assert.equal(log(), "");
  const failed = await ask("POST", "/queue/flush?domain=x.test");
  assert.deepEqual([failed.status, JSON.parse(failed.text)], [500, { error: "no such luck" }]);
  assert.match(log(), /Control socket: queue\/flush domain=x\.test[^]*failed: no such luck/);
});

test("a list comes one object a line, however long it is", async () => {
  const { ask } = control(controlFace(3000));
  const { text } = await ask("GET", "/queue");
  const rows = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(rows.length, 3000);
  assert.equal(rows[2999].id, "A2999.1");
});

test("openControl() goes on without a socket where none can be made, and says so", async () => {
  const { host, clock } = memoryMachine();
  const memory = memoryLog();
  const long = `/${"x".repeat(120)}/control.sock`;
  assert.equal(await openControl({ host, clock, log: memory.log, path: long, face: controlFace() }), undefined);
  assert.match(memory.text(), /No control socket at .*: a socket's path has 107 octets at most/);
});
