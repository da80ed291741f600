import assert from "node:assert/strict";
import { formatItem, type LogFormat } from "../../src/log/format.ts";
import { parseLine } from "../../src/log/parse.ts";
import type { LogItem } from "../../src/log/types.ts";
import { test } from "../kit/test.ts";

const ITEMS: readonly LogItem[] = [
  { time: 0, level: "NOTICE", uuid: "AB-1.2", origin: "core", message: "connect", fields: { ip: "::1", port: 25 } },
  { time: 0, level: "INFO", uuid: "AB", origin: "a/b", message: "verdict", fields: { msg: 'no "x" \\ = y', ms: 0.25 } },
  {
    time: 0,
    level: "CRIT",
    uuid: "AB",
    origin: "core",
    message: "Plugin p failed in hook rcpt: Error: a=b, c",
    fields: {},
  },
  { time: 0, level: "DEBUG", uuid: "AB", origin: "p", message: "empty", fields: { lr: "", message: "mine" } },
];
const FORMATS: readonly LogFormat[] = ["default", "logfmt", "json"];

test("a line is read back as it was said, in each form, with and without a time, whatever stands in front", () => {
  for (const item of ITEMS) {
    for (const format of FORMATS) {
      for (const timestamps of [false, true]) {
        for (const front of ["", "Nov 24 12:00:00 mx kasi[12]: "]) {
          const line = front + formatItem({ ...item, time: 1_700_000_000_123 }, format, timestamps);
          const parsed = parseLine(line);
          assert.deepEqual({ ...parsed, fields: { ...parsed?.fields } }, {
            time: timestamps ? 1_700_000_000_123 : undefined,
            level: item.level,
            uuid: item.uuid,
            origin: item.origin,
            message: item.message,
            fields: Object.fromEntries(Object.entries(item.fields).map(([key, value]) => [key, String(value)])),
          }, line);
        }
      }
    }
  }
});

test("colours and a line of nobody's are read too; what is none of ours is nothing", () => {
  assert.equal(parseLine("\x1b[34m[NOTICE] [-] [core] Starting up\x1b[39m")?.uuid, "");
  assert.equal(parseLine("[NOTICE] [-] [core] Starting up")?.message, "Starting up");
  for (const line of ["", "Welcome", "[LOUD] [-] [core] x", "{ not json", '{"a":1}', "null", "level=INFO x=1"]) {
    assert.equal(parseLine(line), undefined, line);
  }
});

test("text that a peer chose adds no field", () => {
  const line = formatItem({ ...ITEMS[0]!, fields: { msg: 'x" ip=6.6.6.6 "' } }, "default", false);
  assert.deepEqual({ ...parseLine(line)!.fields }, { msg: 'x" ip=6.6.6.6 "' });
});
