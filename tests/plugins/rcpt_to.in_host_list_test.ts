import assert from "node:assert/strict";
import plugin from "../../plugins/rcpt_to.in_host_list.ts";
import { hook, startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const files = {
  host_list: "Example.com\nbücher.example\ndotted.example.\n",
  host_list_regex: "[a-z]+\\.sub\\.example\n.*\\.Any",
};

test("recipients of listed domains and of matching ones are taken, others are left alone; spoofed senders are refused on request [row 242]", async () => {
  for (
    const to of [
      "a@example.com",
      "a@EXAMPLE.com",
      "a@xn--bcher-kva.example",
      "a@abc.sub.example",
      "a@x.y.ANY",
      "a@dotted.example",
    ]
  ) {
    const { verdict, results } = await hook(plugin, "rcpt", { files, to });
    assert.equal(verdict?.kind, "ok", to);
    assert.deepEqual(results?.pass, ["rcpt_to"]);
  }
  for (
    const to of ["a@example.org", "a@sub.example", "a@abc1.sub.example", "a@x.sub.example.org", "a@notexample.com"]
  ) {
    const { verdict, results } = await hook(plugin, "rcpt", { files, to });
    assert.equal(verdict, undefined, to);
    assert.deepEqual(results?.msg, ["rcpt!local"]);
  }
  const postmaster = await hook(plugin, "rcpt", { files, to: "postmaster" });
  assert.deepEqual([postmaster.verdict?.kind, postmaster.results?.pass], ["ok", ["postmaster"]]);

  const plain = await hook(plugin, "mail", { files, from: "a@example.com" });
  assert.deepEqual([plain.verdict, plain.results?.pass], [undefined, ["mail_from"]]);
  assert.equal(plain.session.transaction!.notes.get("local_sender"), true);
  const foreign = await hook(plugin, "mail", { files, from: "a@example.org" });
  assert.deepEqual([foreign.verdict, foreign.results?.msg], [undefined, ["mail_from!local"]]);
  assert.deepEqual((await hook(plugin, "mail", { files, from: "" })).results?.skip, ["mail_from.null"]);

  const strict = { ...files, "host_list.anti_spoof": "true" };
  const spoof = await hook(plugin, "mail", { files: strict, from: "a@example.com" });
  assert.deepEqual([spoof.verdict?.kind, spoof.results?.fail], ["deny", ["mail_from.anti_spoof"]]);
  const own = await hook(plugin, "mail", { files: strict, from: "a@example.com", relaying: true });
  assert.deepEqual([own.verdict, own.results?.pass], [undefined, ["mail_from"]]);
});

test("a relaying client that sends as one of ours may send to anyone", async () => {
  const started = await startPlugin(plugin, { files });
  const { session } = await started.run("mail", { from: "a@example.com", relaying: true });
  const { verdict, results } = await started.run("rcpt", { session, to: "b@elsewhere.test" });
  assert.equal(verdict?.kind, "ok");
  assert.ok(results?.pass.includes("relaying local_sender"));
  session.relaying = false;
  assert.equal((await started.run("rcpt", { session, to: "b@elsewhere.test" })).verdict, undefined);
});

test("the lists are read anew when they change; a broken pattern stops the start, and on reload leaves the last good one", async () => {
  const started = await startPlugin(plugin, { files });
  const kind = async (to: string) => (await started.run("rcpt", { to })).verdict?.kind;
  started.change("host_list", "new.example");
  assert.equal(await kind("a@new.example"), "ok");
  assert.equal(await kind("a@example.com"), undefined);
  started.change("host_list_regex", "(");
  assert.match(started.log.text(), /a regular expression/);
  assert.equal(await kind("a@x.any"), "ok");
  await assert.rejects(
    startPlugin(plugin, { files: { host_list_regex: "a\n(" } }),
    /host_list_regex: current value is "\("/,
  );
});
