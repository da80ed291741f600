import assert from "node:assert/strict";
import { parseCommandLine, usage } from "../../src/cli/options.ts";
import { test } from "../kit/test.ts";

const parse = (line: string) => parseCommandLine(["queue", ...line.split(" ").filter((word) => word !== "")]);
const NONE = { do: "queue", ids: [], filter: {}, all: false, dryRun: false, json: false };

const GOOD: readonly [string, object][] = [
  ["ls", { verb: "ls" }],
  ["list example.com --json -c site", { verb: "ls", filter: { domain: "example.com" }, json: true, site: "site" }],
  ["ls --sender <> --older 2h --sort due --limit 5", {
    verb: "ls",
    filter: { sender: "<>", older: "2h", sort: "due", limit: "5" },
  }],
  ["ls --domain=*.example.com --state held --error timeout --younger 90 --recipient b@c", {
    verb: "ls",
    filter: { domain: "*.example.com", state: "held", error: "timeout", younger: "90", recipient: "b@c" },
  }],
  ["show A.1 B", { verb: "show", ids: ["A.1", "B"] }],
  ["trace A", { verb: "trace", ids: ["A"] }],
  ["cat A", { verb: "cat", ids: ["A"] }],
  ["hold A", { verb: "hold", ids: ["A"] }],
  ["hold --all --dry-run", { verb: "hold", all: true, dryRun: true }],
  ["release A B --domain a.test", { verb: "release", ids: ["A", "B"], filter: { domain: "a.test" } }],
  ["hold --site mx:*.example.net", { verb: "hold", filter: { site: "mx:*.example.net" } }],
  ["retry --error 4.7.1 --limit 10", { verb: "retry", filter: { error: "4.7.1", limit: "10" } }],
  ["rm A", { verb: "remove", ids: ["A"] }],
  ["remove A", { verb: "remove", ids: ["A"] }],
  ["delete A", { verb: "remove", ids: ["A"] }],
  ["bounce A --reason Sorry", { verb: "bounce", ids: ["A"], reason: "Sorry" }],
  ["import /var/spool/haraka", { verb: "import", dir: "/var/spool/haraka" }],
  ["export out --domain a.test --limit 2", { verb: "export", dir: "out", filter: { domain: "a.test", limit: "2" } }],
  ["flush", { verb: "flush" }],
  ["flush example.com", { verb: "flush", filter: { domain: "example.com" } }],
];

const BAD: readonly [string, string][] = [
  ["eat", "queue wants one of ls, show, trace, cat, hold, release, retry, rm, bounce, import, export, flush"],
  ["show", "queue show wants the ID that queue ls prints"],
  ["cat A B", "queue cat takes one ID"],
  ["ls a.test b.test", "queue ls takes one DOMAIN"],
  ["hold", "queue hold wants the ID that queue ls prints, a filter, or --all"],
  ["rm --limit 3", "queue rm wants the ID that queue ls prints, a filter, or --all"],
  ["rm A --all", "queue rm takes --all or says which, not both"],
  ["hold A --reason x", "queue hold takes no --reason"],
  ["import", "queue import wants one DIR"],
  ["export a b", "queue export wants one DIR"],
  ["import a --domain b", "queue import takes no --domain"],
  ["ls --all", "queue ls takes no --all"],
  ["trace A --domain b", "queue trace takes no --domain"],
  ["ls --older soon", "--older wants an age: 90s, 15m, 2h, 3d, 1w"],
  ["ls --state asleep", "--state wants one of waiting, ready, active, held"],
  ["ls --limit 0", "--limit wants a number from 1"],
];

for (const [line, wanted] of GOOD) {
  test(`queue ${line} is understood`, () => assert.deepEqual(parse(line), { ...NONE, ...wanted }));
}
for (const [line, reason] of BAD) {
  test(`queue ${line} is refused with a sentence`, () =>
    assert.deepEqual(parse(line), { do: "unknown", reason, of: "queue" }));
}

test("a slip in a queue command is answered with what there is for the queue, and no more", () => {
  const text = usage("kasi", "queue");
  assert.match(text, /^ +kasi queue trace ID +what happened/m);
  assert.match(text, /--older AGE/);
  assert.doesNotMatch(text, /dkim|--envfrom/);
});
