import assert from "node:assert/strict";
import plugin from "../../plugins/uribl.ts";
import { hostsIn } from "../../plugins/uribl_links.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { type HookOptions, startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";
import type { ZoneText } from "../kit/zone.ts";

/** The lists that are built in, asked about nothing. */
const SILENT = "[dbl.spamhaus.org]\nrdns=0\nhelo=0\nenvfrom=0\nfrom=0\nmsgid=0\nbody=0\n" +
  "[multi.uribl.com]\nbody=0\n[multi.surbl.org]\nbody=0\n";
const ALL = `${SILENT}[l.test]\n${
  ["rdns", "helo", "envfrom", "from", "replyto", "msgid", "body"].map((type) => `${type}=true`).join("\n")
}\n`;
const LISTED = { A: ["127.0.0.2"] };

async function bench(ini: string, zone: ZoneText = {}, files: { readonly [file: string]: string } = {}) {
  const started = await startPlugin(plugin, { zone, files: { "uribl.ini": ini, "uribl.excludes": "", ...files } });
  return {
    ...started,
    async ask(hook: "lookup_rdns" | "helo" | "ehlo" | "mail" | "data_post", options: HookOptions = {}) {
      const session = fakeSession({ ip: "198.0.2.9", from: options.from ?? "joe@clean.com" });
      const { verdict } = await started.run(hook, { ...options, session });
      const { pass, fail, skip, err } = session.transaction!.results.get(plugin) ?? session.results.get(plugin) ??
        { pass: [], fail: [], skip: [], err: [] };
      return { kind: verdict?.kind, text: textOf(verdict), pass, fail, skip, err };
    },
  };
}
function textOf(verdict: unknown): unknown {
  return (verdict as { reply?: { text?: string } } | undefined)?.reply?.text;
}
const body = (text: string) => ({ message: `Subject: x\n\n${text}\n` });

test("names of the client, the envelope, the header and the body's links are asked about, and a listing refuses [row 282]", async () => {
  const zone = { "spam.com.l.test": LISTED, "9.2.0.198.in-addr.arpa": { PTR: ["good.com", "mail.spam.com"] } };
  const rdns = await bench(ALL, { ...zone, "mail.spam.com.l.test": LISTED });
  assert.deepEqual((await rdns.ask("lookup_rdns")).fail, ["rdns/mail.spam.com/l.test"]);
  const clean = await bench(ALL, zone);
  assert.deepEqual((await clean.ask("lookup_rdns")).pass, ["rdns"]);

  for (
    const [hook, options, fail] of [
      ["helo", { event: { host: "SPAM.com" } }, "helo/spam.com/l.test"],
      ["ehlo", { event: { host: "spam.com" } }, "helo/spam.com/l.test"],
      ["mail", { from: "x@spam.com" }, "envfrom/spam.com/l.test"],
      ["data_post", { message: "From: <x@spam.com>\n\nx\n" }, "from/spam.com/l.test"],
      ["data_post", { message: "From: <x@good.com>\nReply-To: <x@spam.com>\n\nx\n" }, "replyto/spam.com/l.test"],
      ["data_post", { message: "Message-ID: <x@spam.com>\n\nx\n" }, "msgid/spam.com/l.test"],
      ["data_post", body("see http://x@spam.com/y?z"), "body/spam.com/l.test"],
      ["data_post", body("see spam.com"), "body/spam.com/l.test"],
    ] as const
  ) {
    const said = await clean.ask(hook, options);
    assert.deepEqual([said.kind, said.text, said.fail], ["deny", "spam.com listed in l.test", [fail]]);
  }
  const literal = await bench(ALL, { "7.2.0.198.l.test": LISTED });
  assert.deepEqual((await literal.ask("ehlo", { event: { host: "[198.0.2.7]" } })).fail, ["helo/198.0.2.7/l.test"]);
  assert.deepEqual((await literal.ask("helo", { event: { host: "7.2.0.198.in-addr.arpa" } })).kind, "deny");

  const good = await clean.ask("data_post", { message: "From: <x@good.com>\n\nsee good.com\n" });
  assert.deepEqual([good.kind, good.pass], [undefined, ["from", "body"]]);
  assert.equal((await clean.ask("mail", { from: "" })).kind, undefined);
  const encoded = await clean.ask("data_post", {
    message: "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n" +
      "Content-Transfer-Encoding: base64\n\nPGEgaHJlZj0iaHR0cDovL3NwYW0uY29tLyI+\n--b--\n",
  });
  assert.deepEqual(encoded.fail, ["body/spam.com/l.test"]);
});

test("a list's options: answers that count, bits, registered domains, addresses, texts, keys, limits, and names left out [row 283]", async () => {
  const at = async (options: string, zone: ZoneText, text: string, files = {}) => {
    const { ask, machine } = await bench(`${SILENT}[l.test]\nbody=1\n${options}`, zone, files);
    return { ...await ask("data_post", body(text)), calls: machine.resolver.calls };
  };
  const listed = { "spam.com.l.test": { A: ["127.0.0.6"] } };
  assert.equal((await at("validate=^127\\.0\\.0\\.6$", listed, "spam.com")).kind, "deny");
  assert.equal((await at("validate=^127\\.0\\.0\\.7$", listed, "spam.com")).kind, undefined);
  assert.equal((await at("bitmask=2", listed, "spam.com")).kind, "deny");
  assert.equal((await at("bitmask=8", listed, "spam.com")).kind, undefined);
  assert.equal((await at("", listed, "a.b.spam.com")).kind, undefined);
  assert.equal((await at("strip_to_domain=1", listed, "a.b.spam.com")).kind, "deny");
  assert.equal((await at("custom_msg={uri} is in {zone}!", listed, "spam.com")).text, "spam.com is in l.test!");
  assert.deepEqual((await at("dqs_key=secret", {}, "spam.com")).calls, ["A spam.com.secret.l.test"]);

  const ips = "http://198.0.2.7/ http://[2606:4700::1]/ http://10.0.0.1/";
  const plain = await at("", {}, ips);
  assert.deepEqual(plain.calls, ["A 7.2.0.198.l.test", `A 1.0.0.0${".0".repeat(20)}.0.0.7.4.6.0.6.2.l.test`]);
  const four = await at("not_ipv6_compatible=1", {}, ips);
  assert.deepEqual([four.calls.length, four.skip.at(-1)], [1, "IP (2606:4700::1) not supported for l.test"]);
  const none = await at("no_ip_lookups=1", {}, ips);
  assert.deepEqual(none.skip, [
    "IP (198.0.2.7) not supported for l.test",
    "IP (2606:4700::1) not supported for l.test",
    "body (no queries)",
  ]);
  const few = await bench(`max_uris_per_list=2\n${SILENT}[l.test]\nbody=1\n[m.test]\nhelo=1\n`);
  const limited = await few.ask("data_post", body("a.com b.com c.com"));
  assert.deepEqual([limited.skip, few.machine.resolver.calls.length], [[
    "max query limit for l.test",
    "body unsupported for m.test",
  ], 2]);
  const left = await at("", listed, "a.spam.com spam.com", { "uribl.excludes": "spam.com\n" });
  assert.deepEqual([left.kind, left.skip, left.calls], [undefined, [
    "excluded domain:a.spam.com",
    "excluded domain:spam.com",
    "body (no queries)",
  ], []]);
  await assert.rejects(bench("[l.test]\nbody=1\nvalidate=(\n"), /validate/);
});

test("a domain in the header is found behind comments and blanks, as an address, and in any script", async () => {
  const zone = { "spam.com.l.test": LISTED, "7.2.0.198.l.test": LISTED, "xn--spm-2oa.com.l.test": LISTED };
  const { ask } = await bench(ALL, zone);
  for (
    const [field, fail] of [
      ["From: x <a@(for (you))spam.com>", "from/spam.com/l.test"],
      ["From: x <a@ spam.com>", "from/spam.com/l.test"],
      ["From: x <a@\n\tspam.com>", "from/spam.com/l.test"],
      ["From: a@Spam.com.", "from/spam.com/l.test"],
      ["From: <a@spām.com>", "from/xn--spm-2oa.com/l.test"],
      ["Reply-To: joe@good.com, x@[198.0.2.7]", "replyto/198.0.2.7/l.test"],
      ['From: "joe@spam.com" <joe@good.com>', "from/spam.com/l.test"],
      ["From: =?utf-8?q?joe=40spam.com?= <joe@good.com>", undefined],
    ] as const
  ) {
    const { fail: failed } = await ask("data_post", { message: `${field}\n\nx\n` });
    assert.deepEqual(failed, fail === undefined ? [] : [fail], field);
  }
});

test("a list that has gone, or takes no questions from us, lists nobody", async () => {
  const ini = `${SILENT}[l.test]\nbody=1\n[bits.test]\nbody=1\nbitmask=1\n[multi.surbl.org]\nbody=1\n`;
  for (
    const [name, answer, kind] of [
      ["l.test", "203.0.113.80", undefined],
      ["l.test", "127.0.0.1", undefined],
      ["l.test", "127.255.255.254", undefined],
      ["multi.surbl.org", "127.0.0.1", undefined],
      ["multi.surbl.org", "127.0.0.8", "deny"],
      ["bits.test", "127.0.0.1", "deny"],
      ["l.test", "127.0.0.4", "deny"],
    ] as const
  ) {
    const { ask } = await bench(ini, { [`spam.com.${name}`]: { A: [answer] } });
    assert.equal((await ask("data_post", body("http://spam.com/"))).kind, kind, `${name} ${answer}`);
  }
});

test("the lists that are built in are asked, and their keys may be changed", async () => {
  const zone = { "spam.com.multi.uribl.com": { A: ["127.0.0.2"] } };
  const first = await (await bench("", zone)).ask("data_post", body("www.spam.com"));
  assert.match(String(first.text), /^spam\.com listed in multi\.uribl\.com; see http/);
  assert.equal(
    (await (await bench("[multi.uribl.com]\nbitmask=4\n", zone)).ask("data_post", body("spam.com"))).kind,
    undefined,
  );
  const refused = { "spam.com.dbl.spamhaus.org": { A: ["127.255.255.254"] } };
  assert.equal((await (await bench("", refused)).ask("mail", { from: "a@spam.com" })).kind, undefined);
});

test("lists in trouble, and late ones, refuse nothing; a listing does not wait for them", async () => {
  const broken = await (await bench(ALL, { "spam.com.l.test": "servfail" })).ask("mail", { from: "a@spam.com" });
  assert.deepEqual([broken.kind, broken.err, broken.pass], [undefined, ["spam.com l.test: servfail"], ["envfrom"]]);
  const { ask, machine } = await bench(`timeout=10\n${ALL}`, {
    "slow.com.l.test": "silent",
    "spam.com.l.test": LISTED,
  });
  const waiting = ask("mail", { from: "a@slow.com" });
  await new Promise((resolve) => setTimeout(resolve, 2));
  await machine.clock.advance(8_000);
  assert.deepEqual((await waiting).err, ["envfrom (timeout)"]);
  assert.deepEqual((await ask("data_post", body("slow.com spam.com"))).fail, ["body/spam.com/l.test"]);
});

test("links are found in every spelling, and what is no name is not", () => {
  for (
    const [text, hosts] of [
      ["http://user:pw@a.com:80/x", ["a.com"]],
      ["<a href='https://B.co.uk/'>", ["b.co.uk"]],
      ["http://r.com/?u=http%3A%2F%2Fa.com", ["r.com", "a.com"]],
      ["http%253A%252F%252Fa.com", ["a.com"]],
      ["http://3321889287/ http://0xC6.0.2.7/ http://0306.0.2.7/", ["198.0.2.7"]],
      ["http&#58;//a&#46;com &#x61;.net", ["a.com", "a.net"]],
      ["b\u00fccher.com.", ["xn--bcher-kva.com"]],
      ["version 1.2.3.4 and e.g. this... file.qqqq -a.com_", ["a.com"]],
    ] as const
  ) assert.deepEqual([...hostsIn(text)].sort(), [...hosts].sort(), text);
  const before = performance.now();
  for (const evil of ["a.".repeat(500_000), "a".repeat(1_000_000), "http://".repeat(140_000), "&#".repeat(500_000)]) {
    hostsIn(evil);
  }
  hostsIn(Array.from({ length: 100_000 }, (_, i) => `n${i}.com`).join(" "));
  assert.ok(performance.now() - before < 5_000);
});
