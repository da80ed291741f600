import assert from "node:assert/strict";
import plugin from "../../plugins/constrain_sender.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

test("[row 181] an authenticated client sends as its own domain only; a user without a domain is exempt; it may be switched off while running", async () => {
  const started = await startPlugin(plugin);
  const send = async (user: string | undefined, from: string) =>
    (await started.run("mail", { from, ...(user !== undefined && { user }) })).verdict;
  const refused = await send("alice@example.com", "x@example.org");
  assert.equal(refused?.kind, "deny");
  assert.match(JSON.stringify(refused), /alice@example\.com.*x@example\.org/);
  assert.equal(await send("alice@mail.example.com", "x@news.Example.com"), undefined);
  assert.equal((await send("a@one.co.uk", "x@two.co.uk"))?.kind, "deny", "co.uk is nobody's domain");
  for (const user of ["bob", undefined]) assert.equal(await send(user, "x@example.org"), undefined);
  assert.equal(await send("alice@example.com", ""), undefined);
  started.change("constrain_sender.ini", "[main]\nconstrain_sender=false\n");
  assert.equal(await send("alice@example.com", "x@example.org"), undefined);
});
