import assert from "node:assert/strict";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

type Run = "noop" | "rset" | "vrfy" | "connect" | "lookup_rdns";

test("each hook that may run in place of a verb does", async () => {
  const replies: readonly (readonly [Run, RegExp])[] = [
    ["noop", /^250 OK/],
    ["rset", /^250 OK/],
    ["vrfy", /^252 /],
    ["connect", /^220 mx\.test/],
    ["lookup_rdns", /^220 mx\.test/],
  ];
  for (const [run, wanted] of replies) {
    const heard: string[] = [];
    const note = (name: string) => () => void heard.push(name);
    const kit = sessionKit({
      hooks: {
        unrecognized_command: () => ({ kind: "answer", value: { run } }),
        noop: note("noop"),
        rset: note("rset"),
        vrfy: note("vrfy"),
        connect: note("connect"),
        lookup_rdns: note("lookup_rdns"),
      },
    });
    await kit.client.reply();
    heard.length = 0;
    assert.match((await kit.client.say("FOO"))!, wanted);
    assert.ok(heard.includes(run), run);
    await kit.client.say("QUIT");
    await kit.over;
  }
});
