/** The disk refuses one step, or several on end, at every point of a workload in turn: what was acknowledged is served, once. */
import assert from "node:assert/strict";
import { loadMessage } from "../../src/mail/message.ts";
import { CrashDisk, type DiskStep } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { type Bench, bench, DIR, envelope, MINUTE } from "./queue_kit.ts";

const FAULTS: readonly { readonly name: string; readonly kinds: readonly DiskStep[]; readonly code: string }[] = [
  { name: "ENOSPC", kinds: ["create", "write"], code: "ENOSPC" },
  { name: "EIO", kinds: ["create", "write", "truncate", "sync", "remove", "rename"], code: "EIO" },
];

async function large(b: Bench, id: string): Promise<void> {
  const spool = b.queue.spool();
  try {
    await spool.write(new TextEncoder().encode(`Message-Id: <${id}@t>\r\nDate: now\r\n\r\n${"y".repeat(3000)}`));
    await b.queue.accept(
      envelope(id, "us@home.example", [`${id}@one.example`]),
      await loadMessage(await spool.finish()),
    );
  } finally {
    spool.discard();
  }
}

/** Those that were acknowledged. */
async function workload(b: Bench): Promise<Set<string>> {
  const acknowledged = new Set<string>();
  const give = (id: string) => {
    const given = id.startsWith("L") ? large(b, id) : b.accept(id, [`${id}@one.example`], undefined, "z".repeat(600));
    return given.then(() => void acknowledged.add(`${id}@one.example`), () => {});
  };
  for (let n = 0; n < 6; n++) {
    await Promise.all([give(`A${n}`), give(`B${n}`), n % 2 === 0 ? give(`L${n}`) : undefined]);
    await b.clock.advance(100);
  }
  return acknowledged;
}

for (const { name, kinds, code } of FAULTS) {
  for (const width of [1, 7]) {
    test(`${name}, ${width} on end, at every step: nothing acknowledged is lost or served twice, and the queue goes on`, async () => {
      let refused = 0;
      for (let at = 1;; at++) {
        const disk = new CrashDisk();
        const seen = new Map<string, number>();
        const b = await bench({
          disk,
          settings: { bodyThreshold: 1500, intervals: Array(9).fill(MINUTE) },
          options: { segmentBytes: 3000 },
          // Everything is put off once, so that outcomes are written, too.
          verdicts: (address) => {
            seen.set(address, (seen.get(address) ?? 0) + 1);
            return seen.get(address) === 1 ? "deferred" : "delivered";
          },
        });
        let steps = 0;
        disk.fail = (step) => {
          if (!kinds.includes(step) || ++steps < at || steps >= at + width) return;
          throw Object.assign(new Error(`${code}: refused`), { code });
        };
        const acknowledged = await workload(b);
        await b.clock.advance(5 * MINUTE);
        refused += 15 - acknowledged.size;
        const { delivered } = b.courier;
        for (const who of acknowledged) {
          assert.equal(delivered.filter((one) => one === who).length, 1, `${who}, fault at ${at}`);
        }
        assert.equal(delivered.length, acknowledged.size, `no mail that was refused is sent, fault at ${at}`);
        assert.deepEqual(b.queue.list(), []);
        disk.fail = () => {};
        await b.accept("LAST", ["last@one.example"]);
        await b.clock.advance(5 * MINUTE);
        assert.equal(delivered.at(-1), "last@one.example");
        await b.queue.stop(0);
        assert.equal(disk.openFiles, 0, `files are closed, fault at ${at}`);
        const again = await bench({ disk: disk.afterCrash(() => 0.99), start: false });
        assert.deepEqual(again.queue.list(), [], `fault at ${at}`);
        assert.deepEqual(again.log.of("queue_corrupt"), [], `fault at ${at}`);
        assert.deepEqual(again.disk.names(`${DIR}/body`), []);
        await again.queue.stop(0);
        if (steps < at) break;
      }
      assert.ok(refused > 0);
    });
  }
}
