import assert from "node:assert/strict";
import { type Action, COMMANDS, OPTIONS, parseCommandLine, usage } from "../../src/cli/options.ts";
import { test } from "../kit/test.ts";

const CASES: readonly [string, Action][] = [
  ["", { do: "start" }],
  ["-c site", { do: "start", site: "site" }],
  ["--configs=site", { do: "start", site: "site" }],
  ["-v", { do: "version" }],
  ["-h", { do: "help" }],
  ["-h relay", { do: "help", topic: "relay" }],
  ["-c site -h foo", { do: "help", topic: "foo", site: "site" }],
  ["-i site", { do: "install", dir: "site", force: false }],
  ["-i site -f", { do: "install", dir: "site", force: true }],
  ["-i", { do: "unknown", reason: "-i wants DIR" }],
  ["-l", { do: "list" }],
  ["-o -c site", { do: "order", site: "site" }],
  ["check -c site", { do: "check", site: "site" }],
  ["dkim keygen example.com", { do: "dkim", verb: "keygen", domain: "example.com", kind: "rsa", force: false }],
  ["dkim keygen example.com ed25519 -f -c site", {
    do: "dkim",
    verb: "keygen",
    domain: "example.com",
    kind: "ed25519",
    force: true,
    site: "site",
  }],
  ["dkim verify", { do: "dkim", verb: "verify" }],
  ["dkim verify letter", { do: "dkim", verb: "verify", file: "letter" }],
  ["dkim", { do: "unknown", reason: "dkim wants one of keygen, verify" }],
  ["dkim keygen", { do: "unknown", reason: "dkim keygen wants the DOMAIN to sign for" }],
  ["dkim keygen a.test dsa", { do: "unknown", reason: "dkim keygen makes one of rsa, ed25519" }],
  ["queue hold --sender", { do: "unknown", reason: "--sender wants ADDRESS" }],
  ["queue", {
    do: "unknown",
    of: "queue",
    reason: "queue wants one of ls, show, trace, cat, hold, release, retry, rm, bounce, import, export, flush",
  }],
  ["-c site --qlist --verbose", { do: "control", verb: "qlist", site: "site", json: false, verbose: true }],
  ["-c site --qunstick", { do: "control", verb: "qunstick", site: "site", json: false, verbose: false }],
  ["-c site --qunstick example.com", {
    do: "control",
    verb: "qunstick",
    site: "site",
    domain: "example.com",
    json: false,
    verbose: false,
  }],
  ["--qstat", { do: "unknown", reason: "qstat option requires config path" }],
  ["--qempty", { do: "unknown", reason: "qempty is unimplemented" }],
  ["status", { do: "control", verb: "status", json: false, verbose: false }],
  ["restart -c site", { do: "control", verb: "graceful", site: "site", json: false, verbose: false }],
  ["--nonsense", { do: "unknown", reason: "Unknown option --nonsense" }],
  ["nonsense", { do: "unknown", reason: "Unknown command nonsense" }],
];

for (const [line, wanted] of CASES) {
  test(`parseCommandLine() reads ${JSON.stringify(line)}`, () => {
    assert.deepEqual(parseCommandLine(line.split(" ").filter((word) => word !== "")), wanted);
  });
}

test("usage() lists every option and command", () => {
  const text = usage("kasi");
  for (const option of Object.values(OPTIONS)) {
    assert.ok(text.includes("short" in option ? `${option.short}, ${option.long}` : `    ${option.long}`));
  }
  for (const command of COMMANDS) assert.ok(text.includes(command.about));
});
