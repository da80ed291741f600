import assert from "node:assert/strict";
import { type Action, parseCommandLine } from "../../src/cli/options.ts";
import { test } from "../kit/test.ts";

const TRY: Extract<Action, { do: "try" }> = {
  do: "try",
  plugins: ["spf"],
  ip: "1.2.3.4",
  ehlo: "test.example.com",
  from: "test@example.com",
  to: ["test@example.com"],
  dumpMime: false,
  dumpStream: false,
  relay: false,
  skipDeny: false,
  site: "s",
};
const CASES: readonly [string, Action][] = [
  ["grep a@b.test", { do: "grep", address: "a@b.test" }],
  ["grep a@b.test - -c s", { do: "grep", address: "a@b.test", file: "-", site: "s" }],
  ["grep", { do: "unknown", reason: "grep wants the ADDRESS to look for" }],
  ["explain AB.1 log", { do: "explain", id: "AB.1", file: "log" }],
  ["explain", { do: "unknown", reason: "explain wants the ID of a session or message" }],
  ["explain a b c", { do: "unknown", reason: "Unknown command explain a b c" }],
  ["-p mine -c s", { do: "plugin_new", name: "mine", force: false, site: "s" }],
  ["plugin new mine -f -c s", { do: "plugin_new", name: "mine", force: true, site: "s" }],
  ["plugin new mine", { do: "unknown", reason: "plugin option requires config path" }],
  ["plugin new -c s", { do: "unknown", reason: "plugin new wants the NAME of the plugin" }],
  ["plugin", { do: "unknown", reason: "plugin wants: new NAME" }],
  ["-t spf", { do: "unknown", reason: "test option requires config path" }],
  ["-c s -t spf", TRY],
  [
    "-c s -t a,b c --ip ::1 --helo h --envfrom x@y --envrcpt a@b,c@d --message m --dump-mime --dump-stream --set-relay --skip-deny",
    {
      ...TRY,
      plugins: ["a", "b", "c"],
      ip: "::1",
      helo: "h",
      from: "x@y",
      to: ["a@b", "c@d"],
      message: "m",
      dumpMime: true,
      dumpStream: true,
      relay: true,
      skipDeny: true,
    },
  ],
];

for (const [line, wanted] of CASES) {
  test(`parseCommandLine() reads ${JSON.stringify(line)}`, () =>
    assert.deepEqual(parseCommandLine(line.split(" ")), wanted));
}
