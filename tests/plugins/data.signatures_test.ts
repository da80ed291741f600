import assert from "node:assert/strict";
import plugin from "../../plugins/data.signatures.ts";
import { hook, startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const files = { "data.signatures": "# of last week\nBuy pills now\nhttp://bad.example/x?y=1\n" };
const verdict = async (message: string) =>
  (await hook(plugin, "data_post", { files, from: "a@b.test", message })).verdict;
const REFUSED = { kind: "deny", reply: { enhanced: "5.7.1", text: "The message holds a known spam signature" } };

test("a message with a listed text in any of its parts is refused [row 233]", async () => {
  assert.deepEqual(await verdict("Subject: x\n\nHello,\nplease Buy pills now!\n"), REFUSED);
  const encoded = btoa("<a href='http://bad.example/x?y=1'>");
  const parts = `Content-Type: multipart/mixed; boundary=b

--b

Hello
--b
Content-Type: text/html
Content-Transfer-Encoding: base64

${encoded}
--b--
`;
  assert.deepEqual(await verdict(parts), REFUSED);
  assert.deepEqual(await verdict(parts.replace("base64", "7bit")), undefined);
  assert.equal(await verdict("Subject: Buy pills now\n\nHello\n"), undefined);
  assert.equal(await verdict("Subject: x\n\nbuy pills now\n# of last week\n"), undefined, "case counts");
});

test("the list may change, and what was found is noted", async () => {
  const started = await startPlugin(plugin);
  const message = "Subject: x\n\nmagic words\n";
  assert.equal((await started.run("data_post", { from: "a@b.test", message })).verdict, undefined);
  started.change("data.signatures", "magic words\n");
  const { verdict, results } = await started.run("data_post", { from: "a@b.test", message });
  assert.deepEqual([verdict?.kind, results?.fail], ["deny", ["magic words"]]);
});
