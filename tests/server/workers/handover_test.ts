import assert from "node:assert/strict";
import { utf8Encode } from "../../../src/base/bytes.ts";
import type { Envelope } from "../../../src/hooks/outbound.ts";
import { parseAddress } from "../../../src/mail/address.ts";
import { createMessage, loadMessage } from "../../../src/mail/message.ts";
import { memorySource } from "../../../src/mail/source.ts";
import { type Handover, handover, takeOver } from "../../../src/server/workers/handover.ts";
import { memoryMachine } from "../../kit/memory_host.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { textOf } from "../../kit/session_kit.ts";
import { test } from "../../kit/test.ts";

const ENVELOPE: Envelope = {
  id: "A",
  sender: parseAddress("grüße@a.test")!,
  recipients: [{ address: parseAddress("b@b.test")!, parameters: new Map(), notify: ["NEVER"] }],
  notes: { mine: [1] },
  smtpUtf8: true,
  wanted: { priority: 3 },
};

/** A thread apart: what is told is copied. */
function threads() {
  const { host } = memoryMachine();
  const queueDir = "/data/queue";
  const taken: { readonly envelope: Envelope; readonly text: string; readonly files: number }[] = [];
  const told: Handover[] = [];
  let refusal: string | undefined;
  const files = () => [...host.readDirSync(`${queueDir}/handover`)].length;
  const memory = memoryLog();
  const make = () =>
    handover({
      host,
      queueDir,
      log: memory.log,
      async ask(given) {
        const copy = structuredClone(given);
        told.push(copy);
        if (refusal !== undefined) throw new Error(refusal);
        const { envelope, message } = await takeOver(host, copy);
        taken.push({ envelope, text: await textOf(message), files: files() });
        return { id: envelope.id, repeated: false };
      },
    });
  return { host, queueDir, taken, told, files, make, memory, refuse: (why: string) => void (refusal = why) };
}

test("a small message goes along with its envelope, edits and all", async () => {
  const t = threads();
  const message = createMessage(memorySource(utf8Encode("Subject: x\r\nDate: y\r\n\r\nbody\r\n")));
  message.header.remove("Date");
  await t.make().enqueue(ENVELOPE, message);
  const [{ envelope, text, files }] = t.taken as [typeof t.taken[0]];
  assert.deepEqual([envelope.id, envelope.notes, envelope.smtpUtf8, envelope.wanted], ["A", { mine: [1] }, true, {
    priority: 3,
  }]);
  assert.equal(envelope.sender.address, "grüße@a.test");
  assert.deepEqual(envelope.recipients[0]!.notify, ["NEVER"]);
  assert.equal(text, "Subject: x\r\n\r\nbody\r\n");
  assert.equal(files, 0);
});

test("a large one goes by a file, which is gone once the worker has said what became of it, good or bad", async () => {
  const t = threads();
  const parts = t.make();
  const body = "0123456789\r\n".repeat(40_000);
  const file = parts.spool();
  await file.write(utf8Encode(`Subject: x\r\n\r\n${body}`));
  const message = await loadMessage(await file.finish());
  await parts.enqueue(ENVELOPE, message);
  assert.equal(t.taken[0]!.text, `Subject: x\r\n\r\n${body}`);
  assert.equal(t.taken[0]!.files, 2, "the spool's and its copy");
  t.refuse("disk full");
  await assert.rejects(parts.enqueue(ENVELOPE, message), /disk full/);
  file.discard();
  assert.equal(t.files(), 0);
});

test("notes that no JSON can say are left behind; what a crash left in the directory is removed", async () => {
  const t = threads();
  t.host.mkdirSync(`${t.queueDir}/handover`, { recursive: true });
  t.host.writeTextFileSync(`${t.queueDir}/handover/old.eml`, "left");
  const parts = t.make();
  assert.equal(t.files(), 0);
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  await parts.enqueue({ ...ENVELOPE, notes: loop }, createMessage(memorySource(new Uint8Array(0))));
  assert.deepEqual(t.taken[0]!.envelope.notes, {});
  assert.match(t.memory.text(), /Cannot keep the notes/);
});
