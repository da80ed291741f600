import assert from "node:assert/strict";
import { formatReply } from "../../src/wire/reply.ts";
import { createStatus, DSN, STATUS } from "../../src/wire/status.ts";
import { test } from "../kit/test.ts";

test("named statuses make replies with RFC 3463 codes [row 154]", () => {
  assert.match(formatReply(DSN.no_such_user()), /^550 5\.1\.1 \S/);
  assert.match(formatReply(DSN.mbox_full()), /^450 4\.2\.2 \S/);
  assert.match(formatReply(DSN.addr_rcpt_ok()), /^250 2\.1\.5 \S/);
  assert.match(formatReply(DSN.auth_succeeded()), /^235 2\.7\.0 \S/);
  assert.match(formatReply(DSN.addr_null_mx()), /^556 5\.1\.10 \S/);
  assert.match(formatReply(DSN.sec_spf_error()), /^451 4\.7\.24 \S/);
  assert.match(formatReply(DSN.auth_pass_transition_needed()), /^432 4\.7\.12 \S/);
  assert.equal(formatReply(DSN.no_such_user("Not here")), "550 5.1.1 Not here\r\n");
  assert.equal(
    formatReply(DSN.no_such_user(["Not here", "or there"], 450)),
    "450-4.1.1 Not here\r\n450 4.1.1 or there\r\n",
  );
  assert.equal(formatReply(createStatus(554, "Custom", 7, 30)), "554 5.7.30 Custom\r\n");
});

test("a code that is not 2xx, 4xx or 5xx gives way to the table's", () => {
  for (const code of [0, 199, 354, 600, 4500, NaN]) {
    assert.equal(DSN.no_such_user("x", code).code, 550);
    assert.equal(createStatus(code, "x").code, 450);
  }
});

test("every row is well-formed on the wire: class of its code, a text of one line", () => {
  const names = Object.keys(STATUS) as (keyof typeof STATUS)[];
  assert.ok(names.length >= 70);
  for (const name of names) {
    const reply = DSN[name]();
    assert.equal(
      formatReply(reply),
      `${STATUS[name].code} ${String(STATUS[name].code)[0]}.${STATUS[name].status} ${STATUS[name].text}\r\n`,
    );
  }
});
