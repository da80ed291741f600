import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/quarantine.ts";
import { fakeSession } from "../../kit/fake_session.ts";
import { startPlugin } from "../../kit/hook.ts";
import { noSpace } from "../../kit/memory_disk.ts";
import { test } from "../../kit/test.ts";

const ID = "5EED0000-0000-4000-8000-000000000001.1";
const NOON = Date.UTC(2026, 10, 22, 12);
const PATH = "/var/spool/haraka/quarantine";

interface Flags {
  readonly transaction?: { readonly [note: string]: unknown };
  readonly session?: { readonly [note: string]: unknown };
}
async function bench(ini = "") {
  const started = await startPlugin(plugin, { files: { "quarantine.ini": ini } });
  await started.machine.clock.advance(NOON - started.machine.clock.now());
  const { disk } = started.machine;
  return {
    ...started,
    disk,
    /** Path → text of what is kept. */
    kept: () =>
      Object.fromEntries(
        [...disk.files].filter(([path]) => !path.startsWith("/site/config"))
          .map(([path, node]) => [path, new TextDecoder().decode(node.data.subarray(0, node.size))]),
      ),
    async queue(flags: Flags, hook: "queue" | "queue_outbound" = "queue") {
      const session = fakeSession({ from: "a@b.test", to: ["c@kasi.test"], log: started.log.log });
      for (const [note, value] of Object.entries(flags.transaction ?? {})) session.transaction!.notes.set(note, value);
      for (const [note, value] of Object.entries(flags.session ?? {})) session.notes.set(note, value);
      const { verdict, results } = await started.run(hook, { session, message: "Subject: x\n\nhi\n" });
      return { verdict, pass: results?.pass ?? [], note: session.transaction!.notes.get("quarantined") };
    },
  };
}

test("flagged messages lie whole in a folder of their date, linked from tmp; the flag's action is the answer [row 252]", async () => {
  for (
    const [flags, folder] of [
      [{ transaction: { quarantine: true } }, ""],
      [{ transaction: { quarantine: 1 } }, ""],
      [{ session: { quarantine: true } }, ""],
      [{ transaction: { "queue.wants": "quarantine" } }, ""],
      [{ transaction: { quarantine: "virus" } }, "/virus"],
      [{ session: { quarantine: "spam/high" } }, "/spam/high"],
      [{ transaction: { quarantine: "../../etc/./x" } }, "/etc/x"],
    ] as const
  ) {
    for (const hook of ["queue", "queue_outbound"] as const) {
      const { queue, kept, disk } = await bench();
      const links: string[] = [];
      disk.before = ({ kind, path }) => void (kind === "link" && links.push(path));
      const { verdict, pass, note } = await queue(flags, hook);
      const path = `${PATH}${folder}/20261122/${ID}`;
      assert.equal(verdict, undefined);
      assert.deepEqual(kept(), { [path]: "Subject: x\n\nhi\n" });
      assert.deepEqual([pass, note, links.length, disk.open], [[path], path, 1, 0]);
    }
  }
  for (
    const [action, verdict] of [
      ["DENY", { kind: "deny", reply: {} }],
      [902, { kind: "deny", reply: {} }],
      [["DENY", "Not here"], { kind: "deny", reply: { text: "Not here" } }],
      [[903, "Later"], { kind: "defer", reply: { text: "Later" } }],
      ["DENYDISCONNECT", { kind: "deny", reply: {}, hangUp: true }],
      [[906, "Thanks"], { kind: "ok", text: "Thanks" }],
      ["whatever", undefined],
      [900, undefined],
    ] as const
  ) {
    for (const on of ["transaction", "session"] as const) {
      const { queue } = await bench();
      const said = await queue({ [on]: { quarantine: true, quarantine_action: action } });
      assert.deepEqual(said.verdict, verdict, String(action));
    }
  }
  for (const flags of [{}, { transaction: { "quarantine": true, "queue.wants": "outbound" } }]) {
    const { queue, kept } = await bench();
    assert.deepEqual([(await queue(flags)).verdict, kept()], [undefined, {}]);
  }
});

test("a full disk passes the message on, whichever step fails, and leaves nothing half written", async () => {
  let steps = Infinity;
  for (let failing = 0; failing < steps; failing++) {
    const { queue, disk, log, kept } = await bench();
    let step = 0;
    disk.before = ({ kind }) => {
      if (kind === "remove" || step++ !== failing) return;
      throw noSpace();
    };
    const { verdict, note } = await queue({ transaction: { quarantine: true, quarantine_action: "OK" } });
    if (step <= failing) {
      assert.equal(verdict?.kind, "ok");
      assert.ok(failing > 4, "several steps have failed before");
      steps = failing;
      continue;
    }
    assert.deepEqual([verdict, note], [undefined, undefined], `step ${failing}`);
    assert.match(log.text(), /Cannot quarantine the message/);
    assert.deepEqual(Object.keys(kept()).filter((path) => path.includes("/tmp/")), []);
    assert.equal(disk.open, 0);
  }
});

test("the start makes the folder and empties tmp; a path without a slash lies in the data directory", async () => {
  const { run, machine, queue, kept } = await bench("quarantine_path=quarantine/\n");
  machine.host.mkdirSync("/site/data/quarantine/tmp", { recursive: true });
  machine.host.writeTextFileSync("/site/data/quarantine/tmp/old", "half");
  await run("init_master");
  assert.deepEqual(kept(), {});
  await queue({ transaction: { quarantine: true } });
  assert.deepEqual(Object.keys(kept()), [`/site/data/quarantine/20261122/${ID}`]);

  const blocked = await bench();
  blocked.disk.before = () => {
    throw noSpace();
  };
  assert.equal((await blocked.run("init_master")).verdict, undefined);
  assert.match(blocked.log.text(), /Cannot prepare \/var\/spool\/haraka\/quarantine/);
});
