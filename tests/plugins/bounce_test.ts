import assert from "node:assert/strict";
import plugin from "../../plugins/bounce.ts";
import { fakeSession, message } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import type { PluginHostOptions } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

const SENT = Date.UTC(2026, 10, 20, 10, 0, 0);
const SECRET = "0123456789abcdef0123456789abcdef";

async function bench(ini: string, more: { readonly [file: string]: string } = {}, options: PluginHostOptions = {}) {
  const started = await startPlugin(plugin, { ...options, files: { "bounce.ini": ini, ...more } });
  await started.machine.clock.advance(SENT - started.machine.clock.now());
  const ask = async (
    hook: "mail" | "rcpt_ok" | "data" | "data_post",
    how: {
      from?: string;
      to?: readonly string[];
      text?: string;
      relaying?: boolean;
      isPrivate?: boolean;
    } = {},
  ) => {
    const { text = "Subject: failed\n\nno\n", from = "", to = ["me@kasi.test"], ...rest } = how;
    const session = fakeSession({ ...rest, from, to });
    const mail = message(text);
    const { verdict, results } = await started.run(hook, { session, to, from, event: { message: mail } });
    const { pass, fail, skip, isa } = results ?? { pass: [], fail: [], skip: [], isa: undefined };
    return { verdict: verdict?.kind, pass, fail, skip, isa, mail };
  };
  return { ...started, ask };
}
/** Verdict and everything noted, fails with `!`, skips with `~`. */
function said({ verdict, pass, fail, skip }: Awaited<ReturnType<Awaited<ReturnType<typeof bench>>["ask"]>>) {
  return [verdict, ...pass, ...fail.map((x) => `!${x}`), ...skip.map((x) => `~${x}`)];
}

const ALL_OFF = "[check]\nsingle_recipient=false\nbad_rcpt=false\nbounce_spf=false\nnon_local_msgid=false\n" +
  "[reject]\nsingle_recipient=false\nbad_rcpt=false\n";

const report = (returned: string) =>
  "From: MAILER-DAEMON@there.test\nContent-Type: multipart/report; boundary=b\n\n" +
  `--b\n\nYour mail could not be delivered.\n--b\nContent-Type: message/rfc822\n\n${returned}\n--b--\n`;
const GOOD_ID = "Message-ID: <1@mail.kasi.test>\n";

test("bounces are held to one recipient, listed recipients, Return-Path, SPF of where the mail came from, and its Message-ID [row 259]", async () => {
  const { ask } = await bench("", { bounce_bad_rcpt: "Robot@kasi.test\n" });
  assert.deepEqual(said(await ask("data")), [undefined, "single_recipient"]);
  const two = { to: ["me@kasi.test", "you@kasi.test"] };
  assert.deepEqual(said(await ask("data", two)), ["deny", "!single_recipient"]);
  assert.deepEqual(said(await ask("data", { ...two, relaying: true })), [undefined, "~single_recipient(relay)"]);
  assert.deepEqual(said(await ask("data", { ...two, isPrivate: true })), [undefined, "~single_recipient(private_ip)"]);
  assert.deepEqual(said(await ask("data", { ...two, from: "a@b.test" })), [undefined]);
  assert.deepEqual(said(await ask("rcpt_ok", { to: ["robot@kasi.test"] })), ["deny", "!bad_rcpt"]);
  assert.deepEqual(said(await ask("rcpt_ok", { to: ["robot@kasi.test"], from: "a@b.test" })), [undefined]);
  assert.deepEqual(said(await ask("rcpt_ok")), [undefined]);
  const soft = await bench("[reject]\nsingle_recipient=false\nbad_rcpt=false\n", {
    bounce_bad_rcpt: "robot@kasi.test",
  });
  assert.deepEqual(said(await soft.ask("data", two)), [undefined, "!single_recipient"]);
  assert.deepEqual(said(await soft.ask("rcpt_ok", { to: ["robot@kasi.test"] })), [undefined, "!bad_rcpt"]);

  // Return-Path
  const path = (path: string) => ({ text: `Return-Path: ${path}\nSubject: x\n\n${GOOD_ID}` });
  const paths = await bench(`${ALL_OFF}empty_return_path=true\n`);
  assert.deepEqual(said(await paths.ask("data_post", path("<>"))), [undefined, "empty_return_path"]);
  assert.deepEqual(said(await paths.ask("data_post", path("<a@b.test>"))), ["deny", "!empty_return_path"]);
  const tolerant = await bench(`${ALL_OFF}[check]\nempty_return_path=true\n`);
  assert.deepEqual(said(await tolerant.ask("data_post", path("<a@b.test>"))), [undefined, "!empty_return_path"]);
  const off = await bench(ALL_OFF);
  assert.deepEqual(said(await off.ask("data_post", path("<a@b.test>"))), [undefined]);
  assert.deepEqual(said(await off.ask("data", two)), [undefined]);

  // Message-ID
  for (
    const [returned, fail] of [
      ["Subject: x\n", "!Message-ID"],
      ["Message-ID: <nothing>\n", "!Message-ID parseable"],
      ["Message-ID: <1@localhost>\n", "!Message-ID valid domain"],
      [GOOD_ID, "Message-ID valid domain"],
    ] as const
  ) {
    for (const reject of [false, true]) {
      const { ask } = await bench(`${ALL_OFF}non_local_msgid=${reject}\n[check]\nnon_local_msgid=true\n`);
      const found = said(await ask("data_post", { text: report(returned) }));
      assert.deepEqual(found, [reject && fail.startsWith("!") ? "deny" : undefined, fail]);
    }
  }

  // SPF of the hops inside
  const zone = {
    "kasi.test": { TXT: ["v=spf1 ip4:1.2.3.4 -all"] },
    "none.test": { A: ["1.2.3.4"] },
    "down.test": "servfail",
    "slow.test": "silent",
  } as const;
  const hops = (ip: string) => ({ text: report(`Received: from a (a [${ip}])\n\tby b (b [10.0.0.1])\n${GOOD_ID}`) });
  for (const reject of [false, true]) {
    const { ask, machine } = await bench(`${ALL_OFF}bounce_spf=${reject}\n[check]\nbounce_spf=true\n`, {}, { zone });
    assert.deepEqual(said(await ask("data_post", hops("1.2.3.4"))), [undefined, "bounce_spf"]);
    assert.deepEqual(said(await ask("data_post", hops("1.2.3.5"))), [reject ? "deny" : undefined, "!bounce_spf"]);
    assert.deepEqual(said(await ask("data_post", hops("10.9.9.9"))), [undefined]);
    for (const domain of ["none.test", "down.test"]) {
      const to = [`me@${domain}`];
      assert.deepEqual(said(await ask("data_post", { ...hops("1.2.3.5"), to })), [undefined, "~bounce_spf"], domain);
    }
    const waiting = ask("data_post", { ...hops("1.2.3.5"), to: ["me@slow.test"] });
    while (machine.resolver.count("slow.test") === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await machine.clock.advance(29_000);
    assert.deepEqual(said(await waiting), [undefined, "~bounce_spf(timeout)"]);
  }
});

test("what is a bounce is noted, and all of them can be refused; relaying clients and other mail are let alone", async () => {
  for (const ini of ["[reject]\nall_bounces=true\n", "[check]\nreject_all=true\n"]) {
    const { ask } = await bench(ini);
    const bounce = await ask("mail");
    assert.deepEqual([...said(bounce), bounce.isa], ["deny", "!bounces_accepted", true]);
    const other = await ask("mail", { from: "a@b.test" });
    assert.deepEqual([...said(other), other.isa], [undefined, false]);
    assert.deepEqual(said(await ask("mail", { relaying: true })), [undefined]);
  }
  const { ask } = await bench("[reject]\nempty_return_path=true\nnon_local_msgid=true\n");
  const text = "Return-Path: <a@b.test>\n\nx\n";
  assert.deepEqual(said(await ask("data_post", { text, relaying: true })), [undefined]);
  assert.deepEqual(said(await ask("data_post", { text, from: "a@b.test" })), [undefined]);
});

const VALIDATE = (more = "") =>
  `${ALL_OFF}hash_validation=true\nhash_date=true\n${more}[validation]\nsecret=${SECRET}\n`;
const OURS = "From: =?utf-8?q?J=C3=B6?= <jo@kasi.test>\nDate: Fri, 20 Nov 2026 10:00:00 +0000\n" + GOOD_ID;

test("what goes out carries a keyed hash; a bounce must quote one of ours that is not too old [row 260]", async () => {
  const { ask, machine } = await bench(VALIDATE(), {
    "bounce_whitelist.json": '{"me@kasi.test": ["a@b.test", "*@c.test"]}',
  });
  const out = await ask("data_post", { from: "jo@kasi.test", relaying: true, text: `${OURS}Subject: x\n\nhi\n` });
  const hash = out.mail.header.get("X-Haraka-Bounce-Validation")!;
  assert.match(hash, /^[0-9a-f]{64}$/);
  for (const text of ["From: a@b\nDate: x\n\nhi\n", "Subject: x\n\nhi\n"]) {
    const { mail } = await ask("data_post", { from: "jo@kasi.test", relaying: true, text });
    assert.equal(mail.header.has("X-Haraka-Bounce-Validation"), false);
  }
  for (const how of [{ from: "", relaying: true }, { from: "jo@kasi.test", relaying: false }]) {
    const { mail } = await ask("data_post", { ...how, text: `${OURS}\nhi\n` });
    assert.equal(mail.header.has("X-Haraka-Bounce-Validation"), false);
  }

  const signed = `${OURS}X-Haraka-Bounce-Validation: ${hash}\n`;
  const good = [undefined, "validate_bounce"];
  assert.deepEqual(said(await ask("data_post", { text: report(signed) })), good);
  const plain = `Subject: failed\n\nSorry.\n\n${signed.replace("Date: Fri, 20", "Date: Fri,\n 20")}`;
  assert.deepEqual(said(await ask("data_post", { text: plain })), good);

  const bad = ["deny", "!validate_bounce"];
  assert.deepEqual(said(await ask("data_post", { text: report(signed.replace("1@mail", "2@mail")) })), bad);
  assert.deepEqual(said(await ask("data_post", { text: report(signed.replace(hash, "zz")) })), bad);
  assert.deepEqual(said(await ask("data_post", { text: report(signed.replace(/Date.*\n/, "")) })), bad);
  assert.deepEqual(said(await ask("data_post", { text: report(OURS) })), bad);
  const skip = [undefined, "~validate_bounce"];
  assert.deepEqual(said(await ask("data_post", { text: report("Subject: nothing of ours\n") })), skip);
  for (const from of ["a@b.test", "Any <x@c.test>", "no address"]) {
    assert.deepEqual(
      said(await ask("data_post", { text: report(OURS.replace(/From.*/, `From: ${from}`)) })),
      skip,
      from,
    );
  }
  const tolerant = await bench(
    VALIDATE().replaceAll("hash_validation=true", "hash_validation=false") + "[check]\nhash_validation=true\n",
  );
  assert.deepEqual(said(await tolerant.ask("data_post", { text: report(OURS) })), [undefined, "!validate_bounce"]);

  const ini = await bench(VALIDATE("[skip]\nremaining_plugins=true\n"));
  assert.deepEqual(said(await ini.ask("data_post", { text: report(signed) })), ["ok", "validate_bounce"]);

  await machine.clock.advance(6.9 * 86_400_000);
  assert.deepEqual(said(await ask("data_post", { text: report(signed) })), good);
  await machine.clock.advance(0.2 * 86_400_000);
  assert.deepEqual(said(await ask("data_post", { text: report(signed) })), ["deny", "!bounce_date"]);
});

test("without a good secret or algorithm the hash is off, and an error says so", async () => {
  for (
    const [validation, reason] of [
      ["", "there is no secret"],
      ["secret=short", "less than 32 characters"],
      [`secret=${SECRET}\nhash_algorithm=rot13`, '"rot13" is not known'],
    ]
  ) {
    const { ask, log } = await bench(`${ALL_OFF}hash_validation=true\n[validation]\n${validation}\n`);
    assert.match(log.text(), new RegExp(`hash_validation is off: .*${reason}`));
    assert.deepEqual(said(await ask("data_post", { text: report(OURS) })), [undefined]);
  }
  const sha512 = await bench(VALIDATE().replace("[validation]", "[validation]\nhash_algorithm=SHA512"));
  const out = await sha512.ask("data_post", { from: "jo@kasi.test", relaying: true, text: `${OURS}\nhi\n` });
  assert.match(out.mail.header.get("X-Haraka-Bounce-Validation")!, /^[0-9a-f]{128}$/);
});
