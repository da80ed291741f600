import assert from "node:assert/strict";
import plugin from "../../plugins/mail_from.is_resolvable.ts";
import { hook, startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";
import type { ZoneResolver, ZoneText } from "../kit/zone.ts";

const ZONE: ZoneText = {
  "good.test": { MX: ["10 mx.good.test"] },
  "mx.good.test": { A: ["192.0.2.1"] },
  "six.test": { MX: ["10 mx.six.test"] },
  "mx.six.test": { AAAA: ["2606:4700::1"] },
  "address.test": { A: ["192.0.2.1"] },
  "empty.test": { TXT: ["x"] },
  "null.test": { MX: ["0 ."] },
  "dangling.test": { MX: ["10 gone.test"] },
  "loop.test": { MX: ["10 lo.test"] },
  "lo.test": { A: ["127.0.0.1"], AAAA: ["::1"] },
  "ip.test": { MX: ["10 192.0.2.1"] },
  "bogusip.test": { MX: ["10 127.0.0.1"] },
  "half.test": { MX: ["10 broken.test", "20 mx.good.test"] },
  "broken.test": "servfail",
  "refusing.test": "refused",
  "timing.test": "timeout",
  "silent.test": "silent",
  "behind.test": { MX: ["10 broken.test"] },
};

async function said(from: string, ini = "") {
  const { verdict, results } = await hook(plugin, "mail", {
    zone: ZONE,
    from,
    files: { "mail_from.is_resolvable.ini": ini },
  });
  const reply = verdict?.kind === "deny" || verdict?.kind === "defer" ? verdict.reply : {};
  return { kind: verdict?.kind, enhanced: reply.enhanced, code: reply.code, results };
}

test("senders that can be answered to pass; those that cannot, null MX and addresses that lead nowhere are refused [row 238]", async () => {
  for (const domain of ["good.test", "six.test", "address.test", "half.test"]) {
    const { kind, results } = await said(`a@${domain}`);
    assert.deepEqual([kind, results?.pass], [undefined, ["has_fwd_dns"]], domain);
  }
  assert.deepEqual((await said("")).results?.skip, ["null host"]);
  for (const domain of ["nowhere.test", "empty.test", "dangling.test", "loop.test", "ip.test"]) {
    const { kind, results } = await said(`a@${domain}`);
    assert.deepEqual([kind, results?.fail], ["deny", ["has_fwd_dns"]], domain);
    assert.equal((await said(`a@${domain}`, "[reject]\nno_mx=defer")).kind, "defer", domain);
    assert.equal((await said(`a@${domain}`, "[reject]\nno_mx=false")).kind, "defer", domain);
    assert.equal((await said(`a@${domain}`, "[reject]\nno_mx=no")).kind, undefined, domain);
  }
  for (const mode of ["deny", "defer"]) {
    const { kind, code, enhanced, results } = await said("a@null.test", `[reject]\nno_mx=${mode}`);
    assert.deepEqual([kind, code, enhanced, results?.fail], ["deny", 550, "5.7.27", ["null_mx"]]);
  }
  assert.equal((await said("a@null.test", "[reject]\nno_mx=no")).kind, undefined);
  const allow = "[main]\nallow_mx_ip=true";
  assert.deepEqual((await said("a@ip.test", allow)).results?.pass, ["implicit_mx"]);
  assert.equal((await said("a@bogusip.test", allow)).kind, "deny");
  assert.deepEqual((await said("a@[192.0.2.1]", allow)).results?.pass, ["implicit_mx"]);
  assert.equal((await said("a@[192.0.2.1]")).kind, "deny");
  assert.equal((await said("a@good.test", "[main]\nre_bogus_ip=^192\\.0\\.2\\.")).kind, "deny");
});

test("when the DNS cannot say, the sender is asked to come back: failures, refusals, timeouts, also of the MX's address [row 239]", async () => {
  for (const domain of ["broken.test", "refusing.test", "timing.test", "behind.test"]) {
    for (const mode of ["deny", "no"]) {
      const { kind, enhanced, results } = await said(`a@${domain}`, `[reject]\nno_mx=${mode}`);
      assert.deepEqual([kind, enhanced, results?.err.length], ["defer", "4.4.3", 1], domain);
    }
  }
  const started = await startPlugin(plugin, {
    zone: ZONE,
    files: { "mail_from.is_resolvable.ini": "[main]\ntimeout_ms=700" },
  });
  const pending = started.run("mail", { from: "a@silent.test" });
  await started.machine.clock.advance(700);
  const { verdict, results } = await pending;
  assert.equal(verdict?.kind, "defer");
  assert.match(results!.err[0]!, /silent\.test MX: timeout \(no answer within 700 ms\)/);
  assert.equal(started.machine.clock.pending, 0);
});

test("a pattern that does not compile stops the start", async () => {
  const files = { "mail_from.is_resolvable.ini": "[main]\nre_bogus_ip=(" };
  await assert.rejects(
    startPlugin(plugin, { files }),
    /re_bogus_ip: current value is "\("; wanted: a regular expression/,
  );
});

test("a domain with hundreds of mail hosts makes no hundreds of questions; the best ones count", async () => {
  const MX = Array.from({ length: 500 }, (_, i) => `${500 - i} mx${500 - i}.test`);
  const zone: ZoneText = { "many.test": { MX }, "mx7.test": { A: ["192.0.2.7"] } };
  const started = await startPlugin(plugin, { zone });
  const { results } = await started.run("mail", { from: "a@many.test" });
  assert.deepEqual(results?.pass, ["has_fwd_dns"]);
  assert.equal((started.machine.resolver as ZoneResolver).calls.length, 21);
});
