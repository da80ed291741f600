/** The table of hooks and verdicts (`tests/session/verdicts.ts`), every cell, against a whole server over a socket. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { thisMachine } from "../../src/host/machine.ts";
import type { NetAddr } from "../../src/host/types.ts";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { createLogging } from "../../src/log/logging.ts";
import { serve, type Server } from "../../src/server.ts";
import { type Expected, LEADS, othersHooks, SAY, type VerdictName, VERDICTS } from "../session/verdicts.ts";
import { temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { matches } from "../kit/talk.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

const machine = await thisMachine({ resolver: zone({}) });

for (const [hook, row] of Object.entries(VERDICTS)) {
  test(`over a socket, ${hook}: what each verdict comes to`, async () => {
    const dir = temporaryDir("kasi-verdicts-");
    writeSite(dir, {
      files: {
        "config/me": "mx.test\n",
        "config/connection.ini": `[max]\nbytes=${hook === "max_data_exceeded" ? 20 : 1000}\n`,
      },
    });
    let verdict: VerdictName = "nothing";
    const hooks: HookTable = { [hook]: () => SAY[verdict]() };
    const server = await serve({
      site: dir,
      machine,
      logging: createLogging({ clock: machine.clock, sinks: [] }),
      plugins: [{ name: "subject", hooks }, { name: "others", hooks: othersHooks(hook) }],
    });
    try {
      for (const [name, expected] of Object.entries(row) as [VerdictName, Expected | undefined][]) {
        verdict = name;
        if (expected !== undefined) await check(server, hook, expected);
      }
    } finally {
      await server.stop(0);
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

async function check({ addresses }: Server, hook: string, { reply: wanted, then }: Expected): Promise<void> {
  await using client = await SmtpClient.connect((addresses[0] as NetAddr).port);
  let reply = await client.reply();
  for (const line of LEADS[hook]!) reply = await client.say(line);
  const last = reply?.slice(reply.lastIndexOf("\n") + 1) ?? "the end";
  assert.ok(matches(wanted, last), `wanted ${wanted}, came ${last}`);
  if (then === "closed") assert.equal(await client.reply(), undefined);
  else if (wanted.startsWith("354")) await client.write("x\r\n.\r\n");
  else if (then === "refused") assert.equal(await client.say("NOOP"), reply);
  else if (hook !== "noop") assert.match(await client.say("NOOP"), /^250 /);
}
