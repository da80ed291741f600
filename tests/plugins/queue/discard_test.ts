import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/discard.ts";
import { fakeSession } from "../../kit/fake_session.ts";
import { hook } from "../../kit/hook.ts";
import { test } from "../../kit/test.ts";

test("flagged messages are taken and dropped, others left alone [row 249]", async () => {
  for (const name of ["queue", "queue_outbound"] as const) {
    const said = async (flag: (session: ReturnType<typeof fakeSession>) => void, env = {}) => {
      const session = fakeSession({ from: "a@client.test", to: ["b@kasi.test"] });
      flag(session);
      return (await hook(plugin, name, { session, env })).verdict?.kind;
    };
    assert.equal(await said(() => {}), undefined);
    assert.equal(await said(({ notes }) => notes.set("discard", true)), "ok");
    assert.equal(await said(({ transaction }) => transaction!.notes.set("discard", true)), "ok");
    assert.equal(await said(({ transaction }) => transaction!.notes.set("queue.wants", "discard")), "ok");
    assert.equal(
      await said(({ transaction, notes }) => {
        notes.set("discard", true);
        transaction!.notes.set("queue.wants", "outbound");
      }),
      undefined,
    );
    assert.equal(await said(() => {}, { YES_REALLY_DO_DISCARD: "1" }), "ok");
  }
});
