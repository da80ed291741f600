import assert from "node:assert/strict";
import { syslogTime } from "../../src/base/syslog_time.ts";
import { test } from "../kit/test.ts";

test("a day of one digit stands behind a blank, hours, minutes and seconds behind a 0, in the machine's own time", () => {
  assert.equal(syslogTime(new Date(2026, 10, 3, 9, 5, 4).getTime()), "Nov  3 09:05:04");
  assert.equal(syslogTime(new Date(2026, 0, 31, 23, 59, 59).getTime()), "Jan 31 23:59:59");
});
