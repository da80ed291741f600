/** queue/lmtp with real stores: one for all domains, one of a domain's own, with LMTP's answer for each recipient. */
import assert from "node:assert/strict";
import { startNextHop } from "../kit/next_hop.ts";
import { startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

test("queue/lmtp hands mail to the store of its domain over LMTP, recipient by recipient [row 250]", async () => {
  await using main = await startNextHop({
    lmtp: true,
    answer: (stage, about) => stage === "content" && about === "full@kasi.test" ? "452 4.2.2 Mailbox full" : undefined,
  });
  await using own = await startNextHop({ lmtp: true });
  await using kasi = await startKasi({
    files: {
      "config/plugins": "rcpt_to.in_host_list\nqueue/lmtp\n",
      "config/host_list": "kasi.test\nother.test\n",
      "config/lmtp.ini": `host=127.0.0.1\nport=${main.port}\n[other.test]\nhost=127.0.0.1\nport=${own.port}\n`,
    },
  });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  const recipients = ["a@kasi.test", "full@kasi.test", "b@other.test"];
  assert.match(await client.mail("me@client.test", recipients, "Subject: x\r\n\r\nhi\r\n"), /^250 /);
  const [mainMail] = await main.untilMails(1);
  const [ownMail] = await own.untilMails(1);
  assert.deepEqual(mainMail!.recipients, ["a@kasi.test", "full@kasi.test"]);
  assert.deepEqual(ownMail!.recipients, ["b@other.test"]);
  assert.match(mainMail!.content, /^Subject: x\r\n(?:[^]*\r\n)?\r\nhi\r\n$/m);
  assert.deepEqual([main.heard[0]?.slice(0, 5), own.heard[0]?.slice(0, 5)], ["LHLO ", "LHLO "]);
  await kasi.untilLogged(/deferred .*full@kasi\.test/);
});
