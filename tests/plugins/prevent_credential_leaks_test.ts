import assert from "node:assert/strict";
import plugin from "../../plugins/prevent_credential_leaks.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

interface Login {
  readonly user: string;
  readonly password?: string;
  /** Who the server took it for; default: as given. */
  readonly accepted?: string;
}
/** Authenticates, then sends a message. */
async function send(text: string, { user, password, accepted = user }: Login, header = "Subject: x\n") {
  const started = await startPlugin(plugin);
  const session = fakeSession({ from: "a@b.test", ...(accepted !== "" && { user: accepted }) });
  const attempt = { mechanism: "PLAIN", user, password, matches: () => true };
  assert.equal((await started.run("auth", { session, event: { attempt } })).verdict, undefined);
  const { verdict } = await started.run("data_post", { session, message: `${header}\n${text}\n` });
  return verdict?.kind;
}
const ANN: Login = { user: "ann@our.test", password: "Tr0ub4dor(&3" };

test("a user who writes its name and password into a message is refused [row 240]", async () => {
  assert.equal(await send("User: ann@our.test\nPassword: Tr0ub4dor(&3\n", ANN), "deny");
  assert.equal(await send("I am ANN and my word is Tr0ub4dor(&3!", ANN), "deny", "the domain may be missing");
  assert.equal(await send("I am bob: Tr0ub4dor(&3", { ...ANN, user: "bob" }), "deny");
  assert.equal(await send(btoa("ann Tr0ub4dor(&3"), ANN, "Content-Transfer-Encoding: base64\n"), "deny");
  assert.equal(await send("I am ann and don't tell", ANN), undefined);
  assert.equal(await send("Somebody's word is Tr0ub4dor(&3", ANN), undefined);
  assert.equal(await send("ann: tr0ub4dor(&3", ANN), undefined, "another password");
  const apart = "--b\n\nann\n--b\n\nTr0ub4dor(&3\n--b--\n";
  assert.equal(await send(apart, ANN, "Content-Type: multipart/mixed; boundary=b\n"), undefined, "not in one part");
});

test("only what was accepted counts, and what is not known is not looked for", async () => {
  assert.equal(await send("ann Tr0ub4dor(&3", { ...ANN, accepted: "" }), undefined);
  assert.equal(await send("ann Tr0ub4dor(&3", { ...ANN, accepted: "bob" }), undefined);
  assert.equal(await send("ann Tr0ub4dor(&3", { user: "ann" }), undefined, "CRAM-MD5 shows no password");
});

test("credentials that another plugin left in the notes count too", async () => {
  const started = await startPlugin(plugin);
  const session = fakeSession({ from: "a@b.test" });
  session.notes.set("auth_user", "carol");
  session.notes.set("auth_passwd", "hunter2");
  assert.equal((await started.run("data_post", { session, message: "x: y\n\ncarol hunter2\n" })).verdict?.kind, "deny");
});
