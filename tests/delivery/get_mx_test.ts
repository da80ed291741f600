import assert from "node:assert/strict";
import type { HookHandler } from "../../src/hooks/points.ts";
import { answer, defer, deny } from "../../src/hooks/verdict.ts";
import { scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { FIRST, makeRoom } from "./room.ts";

const given = (value: unknown): HookHandler<"get_mx"> => () => answer(value as never);

test("get_mx may answer with text, a URL, an object or a list, refuse, defer or say nothing [row 196]", async () => {
  const forms: readonly [unknown, { hostname: string; port: number }][] = [
    ["192.0.2.1:2525", { hostname: "192.0.2.1", port: 2525 }],
    ["smtp://192.0.2.1", FIRST],
    ["lmtp://192.0.2.1", { hostname: "192.0.2.1", port: 24 }],
    [{ exchange: "192.0.2.1", port: 26 }, { hostname: "192.0.2.1", port: 26 }],
    [[{ host: "192.0.2.99", priority: 5 }, { host: "192.0.2.1", priority: 1 }], FIRST],
  ];
  for (const [form, door] of forms) {
    const room = makeRoom({ getMx: given(form) });
    const peer = scriptedPeer(room.machine, door, { lmtp: door.port === 24 });
    assert.deepEqual(await room.lines(), ["a@example.com delivered", "b@example.com delivered"], JSON.stringify(form));
    assert.equal(room.machine.resolver.calls.length, 0);
    await room.close();
    peer.stop();
  }
  const no = makeRoom({ getMx: () => deny() });
  assert.equal((await no.lines())[0], "a@example.com failed 5.1.2 No MX for example.com");
  const later = makeRoom({ getMx: () => defer() });
  assert.equal((await later.lines())[0], "a@example.com deferred 4.1.2 Temporary MX lookup error for example.com");
  const silent = makeRoom({ getMx: () => undefined });
  const peer = scriptedPeer(silent.machine, FIRST);
  assert.equal((await silent.lines())[0], "a@example.com delivered");
  await silent.close();
  peer.stop();
});

test("an answer that cannot be read makes the mail wait and names the plugin in the log", async () => {
  const room = makeRoom({ getMx: given({ nonsense: true }) });
  assert.match((await room.lines())[0]!, /^a@example.com deferred 4\.1\.2/);
  assert.ok(room.log.items.some((item) => item.level === "ERROR" && item.message.includes("test gave a next hop")));
});

test("the relay hosts of the settings come before the DNS and after the plugins", async () => {
  const room = makeRoom({
    settings: { relayHosts: [{ host: "192.0.2.1", port: 587, priority: 0, protocol: "smtp" }] },
  });
  const peer = scriptedPeer(room.machine, { hostname: "192.0.2.1", port: 587 });
  assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.equal(room.machine.resolver.calls.length, 0);
  await room.close();
  peer.stop();
});
