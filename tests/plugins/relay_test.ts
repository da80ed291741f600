import assert from "node:assert/strict";
import plugin from "../../plugins/relay.ts";
import { hook, startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const ini = (...on: string[]) =>
  `[relay]\n${["acl", "force_routing", "all", "dest_domains"].map((key) => `${key}=${on.includes(key)}`).join("\n")}\n`;

test("clients listed by address or network may relay, and later connect plugins are not asked [row 244]", async () => {
  const files = { relay_acl_allow: "192.0.2.0/24\n198.51.100.7 # one machine\n2001:db8::/32\nnonsense\n" };
  for (const ip of ["192.0.2.200", "198.51.100.7", "2001:db8::5", "::ffff:192.0.2.1"]) {
    const started = await startPlugin(plugin, { files });
    const { session, verdict } = await started.run("connect_init", { ip });
    assert.equal(verdict, undefined);
    assert.equal(session.relaying, true, ip);
    assert.deepEqual(session.results.get(plugin)?.pass, ["acl"]);
    assert.equal((await started.run("connect", { session })).verdict?.kind, "ok");
    assert.match(started.log.text(), /"nonsense" is no address or CIDR block/);
  }
  for (const ip of ["192.0.3.1", "198.51.100.8", "2001:db9::1"]) {
    const started = await startPlugin(plugin, { files });
    const { session } = await started.run("connect_init", { ip });
    assert.equal(session.relaying, false, ip);
    assert.deepEqual(session.results.get(plugin)?.skip, ["acl(unlisted)"]);
    assert.equal((await started.run("connect", { session })).verdict, undefined);
  }
  const off = await hook(plugin, "connect_init", { ip: "192.0.2.1", files: { ...files, "relay.ini": ini() } });
  assert.equal(off.session.relaying, false);
});

test("dest_domains decides by action, force_routing by nexthop, and all lets everyone relay [row 245]", async () => {
  const domains = [
    "[domains]",
    'accept.test = {"action": "accept", "nexthop": "in.accept.test:26"}',
    'continue.test = {"action": "continue"}',
    'deny.test = {"action": "deny"}',
    'odd.test = {"action": "maybe"}',
  ].join("\n");
  const files = { "relay.ini": ini("dest_domains", "force_routing"), "relay_dest_domains.ini": domains };
  const at = async (domain: string, relaying = false) => {
    const { verdict, session, results } = await hook(plugin, "rcpt", { files, to: `a@${domain}`, relaying });
    const { pass, fail, skip } = results!;
    return [verdict?.kind, session.relaying, ...pass, ...fail.map((x) => `!${x}`), ...skip];
  };
  assert.deepEqual(await at("accept.test"), ["ok", true, "relay_dest_domain"]);
  assert.deepEqual(await at("continue.test"), [undefined, true, "relay_dest_domain"]);
  for (const domain of ["deny.test", "odd.test", "unlisted.test"]) {
    assert.deepEqual(await at(domain), ["deny", false, "!relay_dest_domain"]);
  }
  assert.deepEqual(await at("deny.test", true), [undefined, true, "relay_dest_domain(relay)"]);
  const empty = await hook(plugin, "rcpt", { files: { "relay.ini": ini("dest_domains") }, to: "a@b.test" });
  assert.deepEqual([empty.verdict, empty.results?.skip], [undefined, ["relay_dest_domain(config)"]]);

  const route = async (domain: string, more = "", on = ["force_routing"]) => {
    const given = { "relay.ini": ini(...on), "relay_dest_domains.ini": domains + more };
    const { verdict } = await hook(plugin, "get_mx", { files: given, event: { domain, item: {} } });
    return verdict?.kind === "answer" ? verdict.value : verdict;
  };
  assert.equal(await route("accept.test"), "in.accept.test:26");
  assert.equal(await route("other.test"), undefined);
  assert.equal(await route("other.test", '\nany = {"nexthop": "smart.test"}'), "smart.test");
  assert.equal(await route("accept.test", "", []), undefined);

  const open = await hook(plugin, "rcpt", { files: { "relay.ini": ini("all") }, to: "a@b.test" });
  assert.deepEqual([open.verdict?.kind, open.session.relaying], ["ok", true]);
  const shut = await hook(plugin, "rcpt", { files: { "relay.ini": ini() }, to: "a@b.test" });
  assert.deepEqual([shut.verdict, shut.session.relaying], [undefined, false]);
});

test("what dest_domains grants for one recipient is no licence for the next", async () => {
  const files = {
    "relay.ini": ini("dest_domains"),
    "relay_dest_domains.ini": '[domains]\naccept.test = {"action": "accept"}\ncontinue.test = {"action": "continue"}',
  };
  for (const first of ["accept.test", "continue.test"]) {
    const started = await startPlugin(plugin, { files });
    const said: (string | undefined)[] = [];
    const { session } = await started.run("rcpt", { to: `a@${first}` });
    for (const domain of ["elsewhere.test", first, "elsewhere.test"]) {
      const { verdict } = await started.run("rcpt", { session, to: `b@${domain}` });
      said.push(verdict?.kind);
    }
    assert.deepEqual(said, ["deny", first === "accept.test" ? "ok" : undefined, "deny"]);
  }
});

test("a route that is no JSON stops the start with its domain, and on reload leaves the last good routes", async () => {
  const file = "relay_dest_domains.ini";
  await assert.rejects(
    startPlugin(plugin, { files: { [file]: "[domains]\na.test = mx.b.test" } }),
    /\[domains\] a\.test: .*JSON/,
  );
  const started = await startPlugin(plugin, { files: { [file]: '[domains]\na.test = {"nexthop": "mx.b.test"}' } });
  started.change(file, "[domains]\na.test = {");
  const { verdict } = await started.run("get_mx", { event: { domain: "a.test", item: {} } });
  assert.deepEqual(verdict, { kind: "answer", value: "mx.b.test" });
  assert.match(started.log.text(), /the last good routes stay/);
});
