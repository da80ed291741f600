import assert from "node:assert/strict";
import { DamagedRecord, fileSource, readBack, readRecord } from "../../src/queue/body_store.ts";
import { Journal } from "../../src/queue/journal.ts";
import { Ledger } from "../../src/queue/ledger.ts";
import type { Segment } from "../../src/queue/segment.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { readText } from "./queue_kit.ts";

async function stored(json: object, content: string) {
  const disk = new CrashDisk();
  disk.host.mkdirSync("/q/body");
  const journal = new Journal({
    host: disk.host,
    clock: new FakeClock(),
    log: memoryLog().log,
    dir: "/q",
    segmentBytes: 1e6,
    next: 1,
    random: (into) => into.fill(3),
    onSegment: () => {},
  });
  const message = {
    i: "A",
    t: 1,
    s: "us@home.example",
    r: ["x@one.example"],
    d: ["one.example"],
    z: content.length,
    ...json,
  };
  const place = await journal.append("accepted", JSON.stringify(message), [new TextEncoder().encode(content)]);
  const ledger = new Ledger<Segment>({ kept: () => {}, gone: () => {} });
  return { disk, place, queued: ledger.add(message, place) };
}

test("a body in the record is read back into memory with its envelope", async () => {
  const { disk, queued } = await stored({}, "Subject: x\r\n\r\nbody");
  const { envelope, source } = readBack(disk.host, "/q/body", queued);
  assert.equal(envelope.recipients[0]!.address.address, "x@one.example");
  assert.equal(new TextDecoder().decode(source.bytes), "Subject: x\r\n\r\nbody");
});

test("head in the record and body in a file are read as one", async () => {
  const { disk, queued } = await stored({ b: ["A.eml", 4], z: 4 + 6 }, "NEW:");
  disk.write("/q/body/A.eml", new TextEncoder().encode("old:654321"));
  const { source } = readBack(disk.host, "/q/body", queued);
  assert.equal(await readText(source.open()), "NEW:654321");
  assert.equal(await readText(source.open(6)), "4321");
  assert.equal(disk.openFiles, 1);
});

test("a body file of the wrong size is damage", async () => {
  const { disk, queued } = await stored({ b: ["A.eml", 0], z: 10 }, "");
  disk.write("/q/body/A.eml", new Uint8Array(9));
  assert.throws(() => readBack(disk.host, "/q/body", queued), DamagedRecord);
});

test("a record that changed under us is damage", async () => {
  const { disk, place } = await stored({}, "body");
  const file = disk.host.openSync("/q/000001.log", { write: true });
  file.seekSync(-1, 2);
  file.writeSync(Uint8Array.of(0));
  file.close();
  assert.throws(() => readRecord(place), DamagedRecord);
});

test("a file that ends too early errors the stream and gives its descriptor back", async () => {
  const disk = new CrashDisk();
  disk.write("/q/x", new Uint8Array(10));
  await assert.rejects(readText(fileSource(disk.host, "/q/x", 20).open()), DamagedRecord);
  assert.equal(disk.openFiles, 0);
});
