import assert from "node:assert/strict";
import plugin from "../../plugins/headers.ts";
import { fakeSession, message } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const NOW = Date.UTC(2026, 10, 22, 11, 0, 0);
const TODAY = "Sun, 22 Nov 2026 10:00:00 +0000";
const HOPS = "Received: from b by c\nReceived: from a by b\n";

interface Case {
  readonly header: string;
  readonly ini?: string;
  readonly relaying?: boolean;
  readonly user?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly found?: { readonly [plugin: string]: Record<string, unknown> };
}
async function look({ header, ini = "", found = {}, ...rest }: Case) {
  const started = await startPlugin(plugin, { files: { "headers.ini": ini } });
  await started.machine.clock.advance(NOW - started.machine.clock.now());
  const session = fakeSession({ from: "joe@a.test", to: ["rcpt@kasi.test"], ...rest });
  for (const [name, entry] of Object.entries(found)) session.results.add(name, entry);
  const mail = message(`${header}\nHello\n`);
  const { verdict, results } = await started.run("data_post", { session, event: { message: mail } });
  const { pass, fail, skip, msg } = results ?? NOTHING;
  return { verdict: verdict?.kind, pass, fail, skip, msg, mail, reply: verdict };
}
const NOTHING = { pass: [], fail: [], skip: [], msg: [] };
const only = (check: string, reject = false) =>
  "[check]\n" +
  [
    "duplicate_singular",
    "missing_required",
    "invalid_return_path",
    "invalid_date",
    "user_agent",
    "direct_to_mx",
    "from_match",
    "delivered_to",
    "mailing_list",
    "from_phish",
  ].map((name) => `${name}=${name === check}`).join("\n") + `\n[reject]\n${check}=${reject}\n`;

/** Check → the header it dislikes, what it notes, and whether it can refuse. */
const BAD: readonly (readonly [check: string, bad: Case, fail: readonly string[], refuses: boolean])[] = [
  ["duplicate_singular", { header: "Subject: a\nSubject: b\nTo: x@y\nTo: z@y\n" }, [
    "duplicate:To",
    "duplicate:Subject",
  ], true],
  ["missing_required", { header: "Subject: a\n" }, ["missing:From", "missing:Date"], true],
  ["invalid_return_path", { header: "Return-Path: <a@b>\n", relaying: true }, ["Return-Path"], true],
  ["invalid_date", { header: "Date: yesterday\n" }, ["invalid_date(unparseable)"], true],
  ["invalid_date", { header: "Date: Wed, 25 Nov 2026 10:00:00 +0000\n" }, ["invalid_date(future)"], true],
  ["invalid_date", { header: "Date: Fri, 06 Nov 2026 10:00:00 +0000\n" }, ["invalid_date(past)"], true],
  ["user_agent", { header: "Subject: a\n" }, ["UA"], false],
  ["direct_to_mx", { header: "Received: by us\n" }, ["direct-to-mx(too few Received(1))"], false],
  ["direct_to_mx", { header: "Subject: a\n" }, ["direct-to-mx(none)"], false],
  ["from_match", { header: "From: <joe@b.test>\n" }, ["from_match(a.test / b.test)"], false],
  ["from_match", { header: "From: <joe@b.test>\n", from: "" }, ["from_match(null)"], false],
  ["from_match", { header: "Subject: a\n" }, ["from_match(missing)"], false],
  ["from_match", { header: "From: <joe@a.test>\nFrom: <x@a.test>\n" }, ["from_match(rfc_violation)"], false],
  ["from_match", { header: "From: nobody at all\n" }, ["from_match(unparsable)"], false],
  ["delivered_to", { header: "Delivered-To: RCPT@kasi.test\n" }, ["delivered_to"], true],
  ["from_phish", { header: 'From: "P4yPal Service" <x@evil.test>\n' }, ["from_phish(paypal)"], true],
  ["from_phish", { header: "From: nobody\n" }, ["from_phish(unparseable)"], false],
];
/** Check → a header it likes, and what it notes. */
const GOOD: readonly (readonly [check: string, good: Case, noted: { readonly [list: string]: readonly string[] }])[] = [
  ["duplicate_singular", { header: "Subject: a\n" }, { pass: ["duplicate"] }],
  ["missing_required", { header: `From: <a@b.test>\nDate: ${TODAY}\n` }, { pass: ["missing"] }],
  ["invalid_return_path", { header: "Subject: a\n", relaying: true }, { pass: ["Return-Path"] }],
  ["invalid_return_path", { header: "Return-Path: <a@b>\n" }, { pass: ["Return-Path"] }],
  ["invalid_date", { header: `Date: ${TODAY}\n` }, { pass: ["invalid_date"] }],
  ["invalid_date", { header: "Subject: a\n" }, {}],
  ["user_agent", { header: "X-Mailer: Mail program of ours 7\n" }, { pass: ["UA(Mail program)"] }],
  ["direct_to_mx", { header: HOPS }, { pass: ["direct-to-mx(2)"] }],
  ["direct_to_mx", { header: "Subject: a\n", user: "joe" }, { skip: ["direct-to-mx(auth)"] }],
  ["from_match", { header: "From: Joe <JOE@a.test>\n" }, { pass: ["from_match"] }],
  ["from_match", { header: "From: Joe <joe@mail.a.test>\n" }, { pass: ["from_match(domain)"] }],
  [
    "from_match",
    {
      header: "From: Joe <joe@mail.a.test>\n",
      found: { "fcrdns": { fcrdns: ["mx.a.test"] }, "helo.checks": { helo_host: "mx.a.test" } },
    },
    { pass: ["from_match(domain,fcrdns,helo)"] },
  ],
  ["delivered_to", { header: "Delivered-To: else@kasi.test\n" }, {}],
  ["mailing_list", { header: "Mailing-List: run by ezmlm\n" }, { pass: ["MLM(ezmlm)"] }],
  ["mailing_list", { header: "Mailing-List: list x@yahoogroups.com\n" }, { pass: ["MLM(yahoogroups)"] }],
  ["mailing_list", { header: "Sender: owner-list@a.test\n" }, { pass: ["MLM(majordomo)"] }],
  ["mailing_list", { header: "X-Majordomo-Version: 1\n" }, { pass: ["MLM(majordomo)"] }],
  ["mailing_list", { header: "X-Mailman-Version: 2\n" }, { pass: ["MLM(mailman)"] }],
  ["mailing_list", { header: "X-Google-Loop: groups\n" }, { pass: ["MLM(googlegroups)"] }],
  ["mailing_list", { header: "Subject: a\n" }, { msg: ["not MLM"] }],
  ["from_phish", { header: "Subject: a\n" }, { skip: ["from_phish(missing)"] }],
  ["from_phish", { header: "From: PayPal <x@mail.paypal.com>\n" }, { pass: ["from_phish"] }],
  ["from_phish", { header: "From: Pineapples <x@fruit.test>\n" }, { pass: ["from_phish"] }],
  [
    "from_phish",
    { header: "From: PayPal <x@partner.test>\n", found: { spf: { result: "Pass", domain: "paypal.com" } } },
    { pass: ["from_phish"] },
  ],
  [
    "from_phish",
    { header: "From: PayPal <x@partner.test>\n", found: { fcrdns: { fcrdns: ["mx1.paypal.com"] } } },
    { pass: ["from_phish"] },
  ],
];

test("ten checks note what they find, and refuse what their flag says [row 274]", async () => {
  for (const [check, bad, fail, refuses] of BAD) {
    const tolerant = await look({ ...bad, ini: only(check) });
    assert.deepEqual([tolerant.verdict, tolerant.fail, tolerant.pass], [undefined, fail, []], check);
    const strict = await look({ ...bad, ini: only(check, true) });
    assert.deepEqual([strict.verdict, strict.fail], [refuses ? "deny" : undefined, fail], check);
    const off = await look({ ...bad, ini: only("none").replace(/\[reject\][^]*/, "[reject]\nx=1\n") }).catch(() =>
      undefined
    );
    assert.equal(off?.verdict, undefined);
  }
  for (const [check, good, noted] of GOOD) {
    const { verdict, pass, fail, skip, msg } = await look({ ...good, ini: only(check, true) });
    const wanted = { pass: [], skip: [], msg: [], ...noted };
    assert.deepEqual({ verdict, fail, pass, skip, msg }, { verdict: undefined, fail: [], ...wanted }, check);
  }
});

test("a message with nothing wrong is noted by every check; only Delivered-To refuses unless told otherwise", async () => {
  const header = `From: Joe <joe@a.test>\nDate: ${TODAY}\nX-Mailer: x\n${HOPS}`;
  const clean = await look({ header });
  assert.deepEqual(clean.fail, []);
  assert.deepEqual(clean.pass, [
    "duplicate",
    "missing",
    "Return-Path",
    "invalid_date",
    "UA(x)",
    "direct-to-mx(2)",
    "from_match",
    "from_phish",
  ]);
  for (const [check, bad, , refuses] of BAD) {
    assert.equal((await look(bad)).verdict, check === "delivered_to" && refuses ? "deny" : undefined, check);
  }
});

test("Return-Path is taken off what comes in, and stays where the check is off", async () => {
  assert.equal((await look({ header: "Return-Path: <a@b>\nSubject: x\n" })).mail.header.has("Return-Path"), false);
  const off = await look({ header: "Return-Path: <a@b>\n", ini: only("invalid_date") });
  assert.equal(off.mail.header.has("Return-Path"), true);
});

test("dates are held to the days of the file, 0 to none; brands come from the file too", async () => {
  const far = "Date: Fri, 06 Nov 2020 10:00:00 +0000\n";
  const days = (past: number) => `date_past_days=${past}\n${only("invalid_date")}`;
  assert.deepEqual((await look({ header: far, ini: days(0) })).pass, ["invalid_date"]);
  assert.deepEqual((await look({ header: far, ini: days(9000) })).pass, ["invalid_date"]);
  const brands = `${only("from_phish", true)}[phish_targets]\nkasi=kasi.test\npaypal=\n[phish_domains]\nbank.test\n`;
  const said = async (header: string) => (await look({ header, ini: brands })).fail;
  assert.deepEqual(await said("From: Ka5i <x@evil.test>\n"), ["from_phish(kasi)"]);
  assert.deepEqual(await said("From: PayPal <x@evil.test>\n"), []);
  assert.deepEqual(await said('From: "info@bank.test" <x@evil.test>\n'), ["from_phish(bank.test)"]);
  assert.deepEqual(await said('From: "info@bank.test" <x@bank.test>\n'), []);
});
