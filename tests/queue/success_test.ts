import assert from "node:assert/strict";
import type { MailOptions, Notify, Outcome } from "../../src/hooks/outbound.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { successLine } from "../../src/queue/success.ts";
import { test } from "../kit/test.ts";

type Delivered = Extract<Outcome, { kind: "delivered" }>;

const BY: MailOptions = { deliverBy: { at: 0, mode: "N", trace: false } };
const TRACE: MailOptions = { deliverBy: { at: 0, mode: "R", trace: true } };

function told(
  notify: readonly Notify[] | undefined,
  more: Partial<Delivered>,
  wanted?: MailOptions,
  mode: "SMTP" | "LMTP" = "SMTP",
) {
  const recipient = { address: parseAddress("a@b.test")!, parameters: new Map(), ...(notify && { notify }) };
  const outcome: Delivered = { kind: "delivered", recipient, reply: { code: 250, text: "ok" }, ...more };
  const line = successLine(outcome, wanted, { host: "mx.b.test", mode });
  return line && `${line.action} ${line.status}`;
}

test("who asked for it is told of a delivery, or that nobody will tell (RFC 3461 §5.2)", () => {
  assert.equal(told(["SUCCESS"], {}, undefined, "LMTP"), "delivered 2.0.0");
  assert.equal(told(["SUCCESS", "DELAY"], { onward: "no-dsn" }), "relayed 2.1.9");
  assert.equal(told(["SUCCESS"], { onward: "dsn-passed" }), undefined);
  for (const notify of [undefined, ["FAILURE"], ["NEVER"]] as const) {
    assert.equal(told(notify, { onward: "no-dsn" }), undefined);
  }
});

test("who set a deadline is told where it goes no further, and with a trace of each hop (RFC 2852 §4.1.4)", () => {
  assert.equal(told(undefined, { onward: "no-dsn", deadline: "dropped" }, BY), "relayed 2.0.0");
  assert.equal(told(["SUCCESS"], { onward: "no-dsn", deadline: "dropped" }, BY), "relayed 2.0.0");
  assert.equal(told(undefined, { onward: "dsn-passed" }, BY), undefined);
  assert.equal(told(undefined, { onward: "dsn-passed" }, TRACE), "relayed 2.0.0");
  assert.equal(told(undefined, {}, TRACE, "LMTP"), undefined);
  assert.equal(told(["NEVER"], { deadline: "dropped" }, BY), undefined);
  assert.equal(told(["NEVER"], {}, TRACE), undefined);
});
