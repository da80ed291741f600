/** What an operator does to a running server costs no session: SIGHUP and edits of the configuration while mail comes in, with and without workers. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause, sendLoad } from "../kit/load.ts";
import { relaySite } from "../kit/relay_site.ts";
import { eventually, startKasi } from "../kit/site.ts";
import { test } from "../kit/test.ts";
import { TokenSink } from "../kit/tokens.ts";

for (const nodes of [0, 2]) {
  test(`SIGHUP and edits of the configuration under load break no session and lose no mail (nodes=${nodes})`, {
    timeoutMs: 90_000,
  }, async () => {
    await using sink = await TokenSink.start();
    const files = relaySite(sink.port);
    await using kasi = await startKasi({
      files: { ...files, "config/smtp.ini": `listen=127.0.0.1:0\nnodes=${nodes}\n` },
    });
    const stop = new AbortController();
    const load = sendLoad({
      port: kasi.port,
      connections: 10,
      reuse: true,
      pauseMs: 5,
      recipients: (n) => [`r${n}@one.test`],
      signal: stop.signal,
    });
    const edit = (name: string, text: string) => writeFileSync(join(kasi.dir, "config", name), text);
    // A file is read again once it has been left alone for five seconds: two rounds, the second with a value that is none.
    for (const bytes of ["10000000", "many"]) {
      edit("log.ini", "[main]\nlevel=info\n");
      edit("host_list", `kasi.test\nadded.test\n`);
      edit("connection.ini", `[max]\nbytes=${bytes}\n`);
      edit("outbound.ini", "[main]\ntemp_fail_intervals=6s*1000\n");
      for (let n = 0; n < 12; n++) {
        kasi.signal("SIGHUP");
        await pause(500);
      }
    }
    await kasi.untilLogged(/connection\.ini:2: \[max\] bytes: current value is \S+many/);
    stop.abort();
    const { acknowledged, refused, broken } = await load;
    console.log(`nodes=${nodes}: ${acknowledged.size} mails acknowledged`);
    assert.deepEqual([[...refused], broken], [[], 0]);
    assert.ok(acknowledged.size > 100);
    await eventually(() => sink.deliveries().size >= acknowledged.size, 30_000, "all of it at the next hop");
  });
}
