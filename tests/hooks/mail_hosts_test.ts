import assert from "node:assert/strict";
import { mailHosts } from "../../src/hooks/mail_hosts.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

test("[row 157] the hosts that take a domain's mail: MX by preference, else its own address; none is told from nobody can say", async () => {
  const dns = zone({
    "two.test": { MX: ["20 b.test", "10 A.test"] },
    "own.test": { AAAA: ["2001:db8::1"] },
    "null.test": { MX: ["0 ."] },
    "text.test": { TXT: ["x"] },
    "broken.test": "servfail",
  });
  assert.deepEqual(await mailHosts(dns, "two.test"), {
    kind: "hosts",
    hosts: [{ preference: 10, host: "a.test" }, { preference: 20, host: "b.test" }],
    implicit: false,
  });
  assert.deepEqual(await mailHosts(dns, "Own.test"), {
    kind: "hosts",
    hosts: [{ preference: 0, host: "own.test" }],
    implicit: true,
  });
  assert.deepEqual(await mailHosts(dns, "null.test"), { kind: "none", why: "null-mx" });
  assert.deepEqual(await mailHosts(dns, "text.test"), { kind: "none", why: "no-address" });
  assert.deepEqual(await mailHosts(dns, "no.test"), { kind: "none", why: "no-domain" });
  assert.deepEqual(await mailHosts(dns, "broken.test"), { kind: "failed", reason: "servfail" });
});
