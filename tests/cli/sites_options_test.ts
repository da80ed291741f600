import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli/options.ts";
import { SITES_COMMANDS, SITES_VERBS } from "../../src/cli/sites_options.ts";
import { test } from "../kit/test.ts";

const parse = (line: string) => parseCommandLine(line.split(" "));

test("kasi sites takes its verbs, a name, and for suspend a time and a reason", () => {
  assert.deepEqual(parse("sites ls -j"), { do: "sites", verb: "ls", json: true });
  assert.deepEqual(parse("sites show mx:*.big.example -c /srv"), {
    do: "sites",
    verb: "show",
    name: "mx:*.big.example",
    json: false,
    site: "/srv",
  });
  assert.deepEqual(parse("sites suspend a.example --for 2h --reason them"), {
    do: "sites",
    verb: "suspend",
    name: "a.example",
    for: "2h",
    reason: "them",
    json: false,
  });
  assert.deepEqual(parse("sites resume a.example"), { do: "sites", verb: "resume", name: "a.example", json: false });
});

test("what can't be read is said in a sentence", () => {
  const reasons = [
    "sites",
    "sites stop a.example",
    "sites ls a.example",
    "sites show",
    "sites resume a.example b.example",
    "sites resume a.example --for 2h",
    "sites show a.example --reason x",
    "sites suspend a.example --for soon",
  ].map((line) => {
    const action = parse(line);
    return action.do === "unknown" ? action.reason : `read: ${line}`;
  });
  assert.deepEqual(reasons, [
    "sites wants one of ls, show, suspend, resume",
    "sites wants one of ls, show, suspend, resume",
    "sites ls takes no name",
    "sites show wants one NAME, as sites ls prints it",
    "sites resume wants one NAME, as sites ls prints it",
    "sites resume takes no --for",
    "sites show takes no --reason",
    "--for wants a time such as 90s, 15m, 2h or 5d",
  ]);
});

test("each verb is in the usage", () => {
  for (const verb of SITES_VERBS) assert.ok(SITES_COMMANDS.some(({ form }) => form.startsWith(`sites ${verb}`)), verb);
});
