import assert from "node:assert/strict";
import plugin from "../../plugins/access.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { hook, startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const FILES = {
  "connect.rdns_access.whitelist": "192.0.2.7\nGood.example.com\n",
  "connect.rdns_access.whitelist_regex": ".*\\.fine\\.example\n(unclosed\n",
  "connect.rdns_access.blacklist": "192.0.2.8\n192.0.2.7\n",
  "connect.rdns_access.blacklist_regex": "dyn-.*\n192\\.0\\.2\\.66\n",
  "mail_from.access.whitelist": "friend@bad.example\n",
  "mail_from.access.whitelist_regex": ".*@nice\\.example\n",
  "mail_from.access.blacklist": "Spam@one.example\n",
  "mail_from.access.blacklist_regex": ".*@bad\\.example\nnobody\n",
  "rcpt_to.access.whitelist": "boss@our.example\n",
  "rcpt_to.access.whitelist_regex": "vip-.*@our\\.example\n",
  "rcpt_to.access.blacklist": "trap@our.example\n",
  "rcpt_to.access.blacklist_regex": "old-.*@our\\.example\n",
  "access.ini": "[check]\nany=false\n[deny_msg]\nconn=goes away\nmail=is spam\nrcpt=has left\n",
};

const client = async (ip: string, host: string) => {
  const session = fakeSession({ ip });
  session.remote.host = host;
  const { verdict } = await hook(plugin, "connect", { session, files: FILES });
  const { pass, fail, msg, whitelist } = session.results.get(plugin)!;
  return { verdict, pass, fail, msg, whitelist };
};

test("clients are let in or kept out by address and reverse name, exact or by expression, white before black [row 261]", async () => {
  for (
    const [ip, host, file] of [
      ["192.0.2.7", "x.example", "connect.rdns_access.whitelist"],
      ["192.0.2.1", "gOOd.example.com", "connect.rdns_access.whitelist"],
      ["192.0.2.8", "mx.FINE.example", "connect.rdns_access.whitelist_regex"],
    ] as const
  ) {
    const { verdict, pass, whitelist } = await client(ip, host);
    assert.deepEqual([verdict, pass, whitelist], [undefined, [file], true], host);
  }
  for (
    const [ip, host, file, text] of [
      ["192.0.2.8", "x.example", "connect.rdns_access.blacklist", "x.example [192.0.2.8] goes away"],
      ["192.0.2.66", "NXDOMAIN", "connect.rdns_access.blacklist_regex", "[192.0.2.66] goes away"],
      [
        "192.0.2.1",
        "dyn-1.isp.example",
        "connect.rdns_access.blacklist_regex",
        "dyn-1.isp.example [192.0.2.1] goes away",
      ],
    ] as const
  ) {
    const { verdict, fail } = await client(ip, host);
    assert.deepEqual(verdict, { kind: "deny", reply: { text }, hangUp: true });
    assert.deepEqual(fail, [file]);
  }
  const { verdict, msg } = await client("192.0.2.1", "a-dyn-1.isp.example");
  assert.deepEqual([verdict, msg], [undefined, ["unlisted(conn)"]]);

  // Senders and recipients.
  const at = async (name: "mail" | "rcpt", address: string, ini = "") => {
    const where = name === "mail" ? { from: address } : { from: "a@b.example", to: address };
    const files = { ...FILES, "access.ini": FILES["access.ini"] + ini };
    const { verdict, results } = await hook(plugin, name, { ...where, files });
    const text = verdict?.kind === "deny" ? verdict.reply.text : verdict?.kind;
    return [text, ...results!.pass, ...results!.fail.map((file) => `!${file}`), ...results!.msg, ...results!.skip];
  };
  assert.deepEqual(await at("mail", "friend@bad.example"), [undefined, "mail_from.access.whitelist"]);
  assert.deepEqual(await at("mail", "x@nice.example"), [undefined, "mail_from.access.whitelist_regex"]);
  assert.deepEqual(await at("mail", "spam@one.example"), [
    "spam@one.example is spam",
    "!mail_from.access.blacklist",
  ]);
  assert.deepEqual(await at("mail", "x@bad.example"), ["x@bad.example is spam", "!mail_from.access.blacklist_regex"]);
  assert.deepEqual(await at("mail", "x@ok.example"), [undefined, "unlisted(mail)"]);
  assert.deepEqual(await at("mail", ""), [undefined, "null sender"]);
  assert.deepEqual(await at("rcpt", "boss@our.example"), [undefined, "rcpt_to.access.whitelist"]);
  assert.deepEqual(await at("rcpt", "boss@our.example", "[rcpt]\naccept=true\n"), ["ok", "rcpt_to.access.whitelist"]);
  assert.deepEqual(await at("rcpt", "vip-1@our.example"), [undefined, "rcpt_to.access.whitelist_regex"]);
  assert.deepEqual(await at("rcpt", "trap@our.example"), ["trap@our.example has left", "!rcpt_to.access.blacklist"]);
  assert.deepEqual(await at("rcpt", "old-1@our.example"), [
    "old-1@our.example has left",
    "!rcpt_to.access.blacklist_regex",
  ]);
  assert.deepEqual(await at("rcpt", "x@our.example"), [undefined, "unlisted(rcpt)"]);
});

test("phases are switched off one by one, older files give the text, and a bad expression is logged", async () => {
  const files = {
    ...FILES,
    "access.ini": "[check]\nany=false\nmail=false\n",
    "rcpt_to.access.ini": "[general]\ndeny_msg=is gone\n",
  };
  const started = await startPlugin(plugin, { files });
  assert.match(started.log.text(), /connect\.rdns_access\.whitelist_regex: "\(unclosed" is no regular expression/);
  const mail = await started.run("mail", { from: "spam@one.example" });
  assert.deepEqual([mail.verdict, mail.results], [undefined, undefined]);
  const rcpt = await started.run("rcpt", { to: "trap@our.example" });
  assert.deepEqual(rcpt.verdict, {
    kind: "deny",
    reply: { enhanced: "5.7.1", text: "trap@our.example is gone" },
  });
  started.change("rcpt_to.access.blacklist", "other@our.example\n");
  assert.equal((await started.run("rcpt", { to: "trap@our.example" })).verdict, undefined);
});

const DOMAINS = {
  "access.ini": "[check]\nconn=false\nmail=false\nrcpt=false\n",
  "access.domains":
    "mail.blocked.co.uk\nbad.example.org\n!friend@blocked.co.uk\n!good.blocked.co.uk\ncounted.example.net\n!example.net\nfoe@mixed.test\n",
};

test("a listed domain is kept out wherever it turns up, and `!` exempts domains, names and addresses [row 262]", async () => {
  const started = await startPlugin(plugin, { files: DOMAINS });
  const seen = async (name: "connect" | "helo" | "ehlo" | "mail" | "rcpt", subject: string) => {
    const session = fakeSession({ from: name === "mail" ? subject : "x@y.test", to: [] });
    if (name === "connect") session.remote.host = subject;
    const { verdict } = await started.run(name, {
      session,
      ...(name === "rcpt" && { to: subject }),
      event: { host: subject },
    });
    const found = session.results.get(plugin);
    return [verdict?.kind, ...found?.pass ?? [], ...found?.fail ?? [], ...found?.msg ?? []];
  };
  const blocked = ["deny", "access.domains(blocked.co.uk)"];
  for (const name of ["connect", "helo", "ehlo"] as const) {
    assert.deepEqual(await seen(name, "a.b.Blocked.co.uk"), blocked, name);
    assert.deepEqual(await seen(name, "good.blocked.co.uk"), [undefined, `${name}:access.domains`]);
    assert.deepEqual(await seen(name, "x.example.net"), [undefined, `${name}:access.domains`]);
    assert.deepEqual(await seen(name, "other.test"), [undefined, `unlisted(${name}:any)`]);
    assert.deepEqual(await seen(name, "localhost"), [undefined, "invalid domain: localhost"]);
  }
  for (const name of ["Unknown", "NXDOMAIN", "DNSERROR", ""]) {
    assert.deepEqual(await seen("connect", name), [undefined]);
  }
  assert.deepEqual(await seen("ehlo", "[192.0.2.1]"), [undefined]);
  for (const name of ["mail", "rcpt"] as const) {
    assert.deepEqual(await seen(name, "foe@blocked.co.uk"), blocked, name);
    assert.deepEqual(await seen(name, "friend@blocked.co.uk"), [undefined, `${name}:access.domains`]);
    assert.deepEqual(await seen(name, "foe@mixed.test"), ["deny", "access.domains(foe@mixed.test)"]);
    assert.deepEqual(await seen(name, "other@mixed.test"), [undefined, `unlisted(${name}:any)`]);
  }
  assert.deepEqual(await seen("mail", ""), [undefined]);
  const off = await hook(plugin, "ehlo", {
    files: { ...DOMAINS, "access.ini": "[check]\nany=false\n" },
    event: { host: "a.blocked.co.uk" },
  });
  assert.equal(off.verdict, undefined);
});

test("the authors of a message are looked for in access.domains too", async () => {
  const started = await startPlugin(plugin, { files: DOMAINS });
  const from = async (header: string) => {
    const { verdict, session } = await started.run("data_post", { message: `${header}Subject: x\n\nHello\n` });
    const found = [session.results.get(plugin), session.transaction?.results.get(plugin)];
    return [
      verdict?.kind,
      ...found.flatMap((record) => [...record?.pass ?? [], ...record?.fail ?? [], ...record?.msg ?? []]),
    ];
  };
  assert.deepEqual(await from(""), [undefined, "data(missing_from)"]);
  assert.deepEqual(await from("From: nonsense\n"), [undefined, "data(unparsable_from:nonsense)"]);
  assert.deepEqual(await from("From: a@localhost\n"), [undefined, "unlisted(any)", "data(no_od_from:a@localhost)"]);
  assert.deepEqual(await from("From: Ann <a@x.blocked.co.uk>\n"), ["deny", "access.domains(blocked.co.uk)"]);
  assert.deepEqual(await from("From: friend@blocked.co.uk\n"), [undefined, "data_post:access.domains"]);
  assert.deepEqual(await from("From: friend@blocked.co.uk, a@blocked.co.uk\n"), [
    "deny",
    "access.domains(blocked.co.uk)",
  ]);
  assert.deepEqual(await from("From: a@other.test\n"), [undefined, "unlisted(any)"]);
});
