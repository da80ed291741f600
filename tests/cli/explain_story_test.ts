import assert from "node:assert/strict";
import { tellStory } from "../../src/cli/explain_story.ts";
import { EVENTS } from "../../src/log/events.ts";
import { parseLine } from "../../src/log/parse.ts";
import { test } from "../kit/test.ts";

test("times count from the first line; lines that are no event are told as they are", () => {
  const lines = [
    "2026-01-01T00:00:00.000Z [NOTICE] [A] [core] connect ip=192.0.2.1 port=1 local_ip=192.0.2.2 local_port=25",
    "2026-01-01T00:00:00.250Z [WARN] [A] [spf] slow server=ns1",
    "2026-01-01T00:00:01.000Z [DEBUG] [A] [spf] dial to=192.0.2.9:25 answer=refused ms=3",
  ];
  assert.deepEqual(tellStory("A", lines.map((line) => parseLine(line)!)).split("\n").slice(0, 4), [
    "Session A",
    "     +0 ms  connect from 192.0.2.1 port 1 to 192.0.2.2 port 25",
    "   +250 ms    warn: spf: slow server=ns1",
    "  +1000 ms      connected to 192.0.2.9:25: refused (3 ms)",
  ]);
});

test("the events it knows by name are events of the log", () => {
  for (
    const name of [
      "connect",
      "secured",
      "verdict",
      "hook",
      "lookup",
      "dial",
      "refusal",
      "message",
      "queue",
      "disconnect",
    ]
  ) {
    assert.ok(name in EVENTS, name);
  }
});
