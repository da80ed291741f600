/** Some load: 2 000 messages on 20 connections, with connections kept and with a new one for each; all arrive, once, and nothing stays open. */
import assert from "node:assert/strict";
import { pause, sendLoad } from "../kit/load.ts";
import { descriptorsOf, relaySite, rssOf } from "../kit/relay_site.ts";
import { eventually, startKasi } from "../kit/site.ts";
import { test } from "../kit/test.ts";
import { TokenSink } from "../kit/tokens.ts";

const MESSAGES = 2000;

for (const [reuse, how] of [[true, "kept open"], [false, "made anew for each"]] as const) {
  test(`2 000 messages on 20 connections ${how} all arrive, each once, and no descriptor stays open`, {
    timeoutMs: 120_000,
  }, async () => {
    await using sink = await TokenSink.start();
    await using kasi = await startKasi({ files: relaySite(sink.port) });
    const few = await sendLoad({
      port: kasi.port,
      connections: 2,
      messages: 4,
      reuse,
      prefix: "w",
      recipients: (n) => [`w${n}@one.test`],
    });
    assert.equal(few.acknowledged.size, 4);
    await eventually(() => sink.taken.length === 4);
    await pause(6000); // connections to the next hop are kept for five seconds
    const before = descriptorsOf(kasi.pid);
    const load = await sendLoad({
      port: kasi.port,
      connections: 20,
      messages: MESSAGES,
      reuse,
      size: 5000,
      recipients: (n) => [`r${n}@${n % 2 ? "one" : "two"}.test`],
    });
    assert.deepEqual([...load.refused], []);
    assert.equal(load.broken, 0);
    assert.equal(load.acknowledged.size, MESSAGES);
    await eventually(() => sink.taken.length >= MESSAGES + 4, 30_000, "all of it at the next hop");
    const arrived = sink.deliveries();
    assert.equal(arrived.size, MESSAGES + 4);
    assert.ok([...arrived.values()].every((times) => times.length === 1), "nothing came twice");
    const after = await eventually(
      () => descriptorsOf(kasi.pid) <= before && descriptorsOf(kasi.pid),
      20_000,
      `no more than ${before} descriptors`,
    );
    console.log(
      `connections ${how}: ${MESSAGES} messages in ${Math.round(load.ms)} ms ` +
        `(${Math.round(MESSAGES / load.ms * 1000)}/s), descriptors ${before} → ${after}, RSS ${
          rssOf(kasi.pid).toFixed(0)
        } MiB`,
    );
  });
}
