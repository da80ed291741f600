import assert from "node:assert/strict";
import { peerName } from "../../src/session/hello.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

test("peerName() leaves out what is no name", () => {
  assert.equal(peerName("a.test", "192.0.2.1"), "a.test [192.0.2.1]");
  for (const none of ["", "NXDOMAIN", "DNSERROR", "Unknown"]) assert.equal(peerName(none, "192.0.2.1"), "[192.0.2.1]");
});

test("[row 158] STARTTLS is listed only with a certificate and a plugin that wants it, and no more once TLS is on", async () => {
  const lists = async (certificate: boolean, wanted: boolean) => {
    const kit = sessionKit({
      canUpgrade: certificate,
      hooks: { capabilities: ({ capabilities }) => void (capabilities.startTls = wanted) },
    });
    await kit.client.reply();
    const seen = [(await kit.client.say("EHLO me"))!.includes("STARTTLS")];
    if (seen[0]) {
      await kit.client.say("STARTTLS");
      seen.push((await kit.client.say("EHLO me"))!.includes("STARTTLS"));
    }
    await kit.client.say("QUIT");
    await kit.over;
    return seen;
  };
  assert.deepEqual(await lists(false, true), [false]);
  assert.deepEqual(await lists(true, false), [false]);
  assert.deepEqual(await lists(true, true), [true, false]);
});
