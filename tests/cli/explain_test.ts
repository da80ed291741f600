import assert from "node:assert/strict";
import { explain } from "../../src/cli/explain.ts";
import { defer, deny, ok } from "../../src/hooks/verdict.ts";
import { formatItem } from "../../src/log/format.ts";
import { captured } from "../kit/captured.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

/** The log of a real session, in a form. */
async function logOfSession(format: "default" | "logfmt" | "json") {
  const kit = sessionKit({
    keep: true,
    plugins: [{
      name: "strict",
      hooks: {
        mail: ({ sender }) => sender.user === "bad" ? defer("Not today") : undefined,
        rcpt({ recipient }) {
          if (recipient.address.user === "broken") throw new Error("no list");
          return recipient.address.user === "nobody" ? deny("Who?") : undefined;
        },
      },
    }, { name: "mild", hooks: { deny: ({ at }) => at === "mail" ? ok() : undefined } }],
  });
  const { client } = kit;
  await client.reply();
  const commands = ["EHLO a", "RCPT TO:<a@b>", "MAIL FROM:<bad@x>", "RCPT TO:<nobody@b>", "RCPT TO:<broken@b>", "QUIT"];
  for (const command of commands) await client.say(command);
  await kit.over;
  const id = kit.log.items.find(({ message }) => message === "connect")!.uuid;
  return {
    id,
    text: kit.log.items.map((item) => formatItem(item, format, true)).join("\n") + "\n[INFO] [OTHER] [core] x\n",
  };
}

for (const format of ["default", "logfmt", "json"] as const) {
  test(`explain tells why each reply was given, from a ${format} log`, async () => {
    const { id, text } = await logOfSession(format);
    const machine = memoryMachine();
    machine.host.writeTextFileSync("/log", text);
    const at = { ...await captured(), machine };
    assert.equal(await explain({ id: id.slice(0, 6).toLowerCase(), file: "/log" }, at), 0);
    const story = at.said[0]!;
    assert.ok(story.startsWith(`Session ${id}\n`));
    const wanted = [
      /looked up PTR 100\.2\.0\.192\.in-addr\.arpa: client\.test \(0 ms\)/,
      /RCPT answered 503 .*, by the server itself/,
      /mail: strict said defer "Not today" \(0 ms\)/,
      /deny: mild said ok \(0 ms\)/,
      /sender <bad@x>: 250 /,
      /rcpt: strict said deny "Who\?" \(0 ms\)/,
      /RCPT answered 550 Who\?, because strict said deny "Who\?" at rcpt/,
      /Plugin strict failed in hook rcpt: Error: no list/,
      /RCPT answered 451 .*, because strict failed: Error: no list at rcpt/,
      /disconnect after /,
    ];
    let from = 0;
    for (const pattern of wanted) {
      const found = pattern.exec(story.slice(from));
      assert.ok(found, `${pattern} behind ${from} of\n${story}`);
      from += found.index;
    }
    assert.doesNotMatch(story, /OTHER/);
  });
}

test("explain ID.N tells of one message; an unknown id, or one that several begin with, ends with 1", async () => {
  const machine = memoryMachine();
  const line = (uuid: string, text: string) => `[INFO] [${uuid}] [core] ${text}`;
  machine.host.writeTextFileSync(
    "/log",
    [line("AA1", "both"), line("AA1.1", "first"), line("AA1.2", "second"), line("AA1.2.1", "sent"), line("AA2", "x")]
      .join("\n"),
  );
  const run = async (id: string) => {
    const at = { ...await captured(), machine };
    return {
      code: await explain({ id, file: "/log" }, at),
      said: at.said.join("\n"),
      complaints: at.complaints.join("\n"),
    };
  };
  const one = await run("AA1.2");
  assert.deepEqual([
    one.code,
    /both/.test(one.said),
    /first/.test(one.said),
    /second/.test(one.said),
    /sent/.test(one.said),
  ], [
    0,
    true,
    false,
    true,
    true,
  ]);
  assert.match(one.said, /level=debug/);
  assert.deepEqual(await run("AA"), { code: 1, said: "", complaints: "Several sessions begin with AA:\n  AA1\n  AA2" });
  assert.deepEqual(await run("B"), { code: 1, said: "", complaints: "The log has nothing of B" });
});
