import assert from "node:assert/strict";
import plugin from "../../../plugins/auth/auth_bridge.ts";
import { passwordAttempt } from "../../kit/auth_attempt.ts";
import { fakeCapabilities } from "../../kit/fake_session.ts";
import { startPlugin } from "../../kit/hook.ts";
import { scriptedPeer } from "../../kit/scripted_peer.ts";
import { test } from "../../kit/test.ts";

const TWO = { hostname: "192.0.2.2", port: 587 };
const plain = (user: string, password: string) => `AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`;

test("[row 227] auth_bridge asks the server of smtp_bridge.ini, with the name as it is", async () => {
  const started = await startPlugin(plugin, { files: { "smtp_bridge.ini": "host=192.0.2.2\nport=587\n" } });
  const capabilities = fakeCapabilities();
  await started.run("capabilities", { tls: true, event: { capabilities } });
  assert.deepEqual([...capabilities.auth], ["PLAIN", "LOGIN"]);
  const peer = scriptedPeer(started.machine, TWO, { offers: ["AUTH PLAIN"], auth: ["235 ok", "535 no", "451 later"] });
  const kinds: (string | undefined)[] = [];
  for (const user of ["nobody", "me@example.com", "me@example.com"]) {
    kinds.push((await started.run("auth", { event: { attempt: passwordAttempt(user, "pw") } })).verdict?.kind);
  }
  assert.deepEqual(kinds, ["ok", "deny", "defer"]);
  assert.deepEqual(peer.commands.filter((line) => line.startsWith("AUTH")), [
    plain("nobody", "pw"),
    plain("me@example.com", "pw"),
    plain("me@example.com", "pw"),
  ]);
  peer.stop();
});
