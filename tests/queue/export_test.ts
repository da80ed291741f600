import assert from "node:assert/strict";
import { exportQueue } from "../../src/queue/export.ts";
import { exportedIds } from "../../src/queue/import/importer.ts";
import { CrashDisk, type DiskStep } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, envelope, mail } from "./queue_kit.ts";

const OUT = "/out";

async function deferred() {
  const b = await bench({
    verdicts: (a) => a.startsWith("soft") ? "deferred" : "delivered",
    settings: { bodyThreshold: 3000 },
  });
  await b.queue.accept({
    ...envelope("A", "us@home.example", ["good@one.example", "soft@one.example", "soft@two.example"]),
    notes: { n: 1 },
    wanted: { envid: "E" },
  }, mail("A", ".dot\r\n"));
  await b.accept("BIG", ["soft@one.example"], undefined, "z".repeat(200) + "\r\n" + "y\r\n".repeat(2000));
  await b.clock.advance(100);
  await b.queue.hold("A.2");
  b.disk.host.mkdirSync(OUT);
  return b;
}

test("an export taken in elsewhere is what it was: octets, recipients, states, times, notes", async () => {
  const b = await deferred();
  const done = await exportQueue(b.disk.host, DIR, OUT, {});
  assert.deepEqual(done.map(({ id, items, file }) => [id, items, file]), [["A", 2, "/out/A"], ["BIG", 1, "/out/BIG"]]);
  assert.deepEqual(exportedIds(b.disk.host, OUT), ["A", "BIG"]);
  const disk = new CrashDisk();
  for (const name of b.disk.names(OUT)) disk.write(`/in/${name}`, b.disk.read(`${OUT}/${name}`));
  const other = await bench({ disk, clock: b.clock, settings: { bodyThreshold: 3000 } });
  assert.deepEqual((await other.queue.import("/in/")).map(({ file, id }) => [file, id]), [["A.json", "A"], [
    "BIG.json",
    "BIG",
  ]]);
  assert.deepEqual(other.queue.list(), b.queue.list());
  const known = (items: ReturnType<typeof b.queue.trace>) => items.map(({ history: _, ...item }) => item);
  assert.deepEqual(known(other.queue.trace("A")), known(b.queue.trace("A")));
  assert.deepEqual(disk.names("/in").concat(disk.names("/in/imported")), [
    "imported",
    "A.eml",
    "A.json",
    "BIG.eml",
    "BIG.json",
  ]);
  await b.clock.advance(64_000);
  const text = (deliveries: typeof b.courier.deliveries, id: string) =>
    deliveries.filter((one) => one.id === id).map(({ text }) => text);
  assert.ok(text(other.courier.deliveries, "BIG.1")[0]! === text(b.courier.deliveries, "BIG.1")[1]!);
  assert.ok(text(other.courier.deliveries, "A.1")[0]! === text(b.courier.deliveries, "A.1")[1]!);
  assert.equal(text(other.courier.deliveries, "A.2").length, 0, "what was held stays held");
  await other.queue.stop(0);
  await b.queue.stop(0);
});

test("only what was asked for is written, with its own recipients", async () => {
  const b = await deferred();
  assert.deepEqual((await exportQueue(b.disk.host, DIR, OUT, { domain: "two.example" })).map(({ id }) => id), ["A"]);
  assert.deepEqual(b.disk.names(OUT), ["A.eml", "A.json"]);
  const { recipients, items } = JSON.parse(b.disk.host.readTextFileSync(`${OUT}/A.json`));
  assert.deepEqual(recipients, [{ address: "soft@two.example" }]);
  assert.deepEqual([items[0].recipients, items[0].held], [[0], true]);
  await b.queue.stop(0);
});

test("what is still queued is not taken in a second time", async () => {
  const b = await deferred();
  await exportQueue(b.disk.host, DIR, OUT, { id: "A" });
  assert.match((await b.queue.import(OUT))[0]!.reason!, /the ID A is queued already/);
  assert.deepEqual(b.disk.names(OUT), ["A.eml", "A.json"]);
  await b.queue.order({ verb: "remove", filter: { id: "A" } });
  assert.equal((await b.queue.import(OUT))[0]!.id, "A");
  await b.queue.stop(0);
});

test("items of a message that is queued for others still are taken in again, and only once", async () => {
  const b = await deferred();
  await exportQueue(b.disk.host, DIR, OUT, { domain: "two.example" });
  await b.queue.order({ verb: "remove", filter: { domain: "two.example" } });
  const [done] = await b.queue.import(OUT);
  assert.match(done!.id!, /^A-[0-9a-f]{8}$/);
  const items = b.queue.list({ recipient: "soft@two.example" });
  assert.deepEqual(items.map(({ id, state }) => [id, state]), [[`${done!.id}.1`, "held"]]);
  for (const name of ["A.eml", "A.json"]) b.disk.host.renameSync(`${OUT}/imported/${name}`, `${OUT}/${name}`);
  await b.queue.import(OUT);
  assert.equal(b.queue.list({ recipient: "soft@two.example" }).length, 1);
  await b.queue.stop(0);
});

test("it touches nothing in the queue; what vanished meanwhile is told of; a full disk is an error", async () => {
  const b = await deferred();
  const steps: string[] = [];
  b.disk.fail = (step: DiskStep, path: string) => void (path.startsWith(DIR) && steps.push(step));
  const open = b.disk.openFiles;
  for (const name of b.disk.names(`${DIR}/body`)) b.disk.host.removeSync(`${DIR}/body/${name}`);
  steps.length = 0;
  const done = await exportQueue(b.disk.host, DIR, OUT, {});
  assert.match(done.find(({ id }) => id === "BIG")!.reason!, /it cannot be read/);
  assert.equal(done.find(({ id }) => id === "A")!.reason, undefined);
  assert.deepEqual([steps, b.disk.openFiles], [[], open]);
  b.disk.fail = (step) => {
    if (step === "write") throw new Error("No space left on device");
  };
  await assert.rejects(exportQueue(b.disk.host, DIR, OUT, { id: "A" }), /No space left/);
  b.disk.fail = () => {};
  await b.queue.stop(0);
});
