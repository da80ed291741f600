/** The queue at an operator's hand: files that Haraka itself wrote, taken in by a running server with workers; every verb over all shards, and without a server. */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { harakaPackages } from "../kit/haraka_packages.ts";
import { freePort, run, runKasi } from "../kit/mail_programs.ts";
import { startNextHop } from "../kit/next_hop.ts";
import { relaySite } from "../kit/relay_site.ts";
import { eventually, ROOT, type RunningSite, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

/** Puts mail into the queue of `HARAKA`, and ends before any of it goes out. */
const MAKER = `
  const path = require("node:path");
  const outbound = require(path.join(process.argv[2], "Haraka/outbound"));
  const send = (from, to, contents, options) => new Promise((resolve, reject) =>
    outbound.send_email(from, to, contents, (code, text) => /^Message Queued/.test(text) ? resolve() : reject(new Error(text)), options));
  (async () => {
    const dots = "Subject: dots\\n\\n.one\\n..two\\n.\\nend\\n";
    await send("us@home.test", ["a@one.test", "b@one.test", "c@two.test"], dots, { notes: { from: "haraka" } });
    await send("", ["report@one.test"], "Subject: report\\n\\nx\\n");
    await send("jürgen@home.test", ["zoë@one.test"], "Subject: ütf\\n\\nx\\n");
    await send("us@home.test", ["old@one.test"], "Subject: old\\n\\nx\\n");
    process.exit(0);
  })().catch((cause) => { console.error(cause); process.exit(1); });
`;

const node = () => {
  const note = join(ROOT, "data/test-tools/node-path");
  return "Deno" in globalThis ? (existsSync(note) ? readFileSync(note, "utf8").trim() : "node") : process.execPath;
};

/** A queue directory as Haraka 3.1.6 leaves it when it is stopped. */
async function harakaQueue(modules: string): Promise<string> {
  const dir = temporaryDir("kasi-haraka-");
  for (const name of ["config", "queue"]) mkdirSync(join(dir, name));
  // Never tried: what lies there is what was accepted.
  writeFileSync(join(dir, "config/outbound.ini"), "[main]\ndisabled=true\n");
  writeFileSync(join(dir, "config/me"), "mx.home.test\n");
  writeFileSync(join(dir, "make.cjs"), MAKER);
  const made = await run(node(), [join(dir, "make.cjs"), modules], { env: { HARAKA: dir } });
  assert.equal(made.code, 0, made.stderr);
  return join(dir, "queue");
}

function withWorkers(nextHop: number, port: number): Record<string, string> {
  return {
    ...relaySite(nextHop),
    "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=2\n`,
    "config/outbound.ini": "[main]\ntemp_fail_intervals=1h*10\n",
  };
}

const kasi = async (running: Pick<RunningSite, "dir">, ...args: string[]) => {
  const { code, stdout, stderr } = await runKasi(["queue", ...args, "-c", running.dir]);
  return { code, out: stdout, err: stderr };
};

const modules = harakaPackages();

test(
  "files that Haraka wrote are taken in by a running server with workers, and delivered [row 183] [row 184] [row 185] [row 186]",
  {
    skip: modules === undefined ? "npm cannot be had" : undefined,
  },
  async () => {
    const queue = await harakaQueue(modules!);
    const names = readdirSync(queue).sort();
    assert.equal(names.length, 5, names.join(" "));
    // One as an older Haraka named it, due in an hour for the third time; one that is half there, and others that are none.
    const old = names.find((name) => readFileSync(join(queue, name), "utf8").includes("Subject: old"))!;
    const later = Date.now() + 3_600_000;
    renameSync(join(queue, old), join(queue, `${later}_2_4711_8888.mx.home.test`));
    const broken = {
      empty: "1_1_0_1_aaaaaa_1_mx",
      cut: "1_1_0_1_bbbbbb_2_mx",
      foreign: "README",
      torn: "__tmp__.1_1_0_1_cccccc_3_mx",
    };
    copyFileSync(join(queue, names[0]!), join(queue, broken.torn));
    writeFileSync(join(queue, broken.cut), readFileSync(join(queue, names[0]!)).subarray(0, 300));
    for (const name of [broken.empty, broken.foreign]) writeFileSync(join(queue, name), "");

    await using hop = await startNextHop({ offers: ["SMTPUTF8", "8BITMIME"] });
    await using running = await startKasi({ files: withWorkers(hop.port, await freePort()), startMs: 30_000 });
    await eventually(() => existsSync(join(running.dir, "control.sock")), 10_000, "the control socket");
    const done = await kasi(running, "import", queue);
    assert.equal(done.code, 1);
    assert.equal(done.out, `5 messages taken in, moved to ${queue}/imported; 4 left where they are\n`);
    for (const name of Object.values(broken)) assert.match(done.err, new RegExp(`^${name}: `, "m"));
    assert.deepEqual(readdirSync(queue).sort(), [...Object.values(broken), "imported"].sort());

    // Haraka may have tried one in vain before it ended.
    const waiting = (await kasi(running, "ls", "--json")).out.trimEnd().split("\n").map((line) => JSON.parse(line));
    const others = waiting.filter(({ recipients }) => recipients[0] !== "old@one.test").map(({ id }) => id);
    if (others.length > 0) await kasi(running, "retry", ...others);
    const mails = await hop.untilMails(4, 20_000);
    const about = (word: string) => mails.filter(({ content }) => content.includes(`Subject: ${word}`));
    assert.deepEqual(about("dots").map(({ recipients }) => recipients.join()).sort(), [
      "a@one.test,b@one.test",
      "c@two.test",
    ]);
    for (const { content } of about("dots")) assert.match(content, /\r\n\r\n\.one\r\n\.\.two\r\n\.\r\nend\r\n$/);
    assert.deepEqual(about("report").map(({ sender }) => sender), [""]);
    const bytes = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
    assert.deepEqual(
      mails.filter(({ sender }) => sender === bytes("jürgen@home.test")).map(({ recipients }) => [...recipients]),
      [[bytes("zoë@one.test")]],
    );
    const left = (await kasi(running, "ls", "--json")).out.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(left.map(({ recipients, attempts, dueAt }) => [recipients, attempts, dueAt]), [[
      ["old@one.test"],
      2,
      later,
    ]]);
    // Again: nothing is taken twice.
    assert.match((await kasi(running, "import", queue)).out, /^0 messages taken in; 4 left where they are\n$/);
    assert.equal(hop.mails.length, 4);
  },
);

test(
  "every verb reaches the queues of all workers, and all their destinations; and the same queues without a server [wishes 19] [wishes 21] [wishes 27]",
  {
    timeoutMs: 240_000,
  },
  async () => {
    const port = await freePort();
    await using running = await startKasi({ files: withWorkers(await freePort(), port), startMs: 30_000 });
    const count = async (...filter: string[]) =>
      (await kasi(running, "ls", "--json", ...filter)).out.split("\n").length - 1;
    // Connections go to either worker.
    for (let n = 0; n < 8; n++) {
      await using client = await SmtpClient.connect(port);
      await client.hello();
      assert.match(await client.mail(`s${n}@kasi.test`, [`a@d${n % 2}.test`], `Subject: ${n}\r\n\r\nx\r\n`), /^250 /);
    }
    await eventually(async () => await count("--error", "refused") === 8, 20_000, "eight deferred items");
    assert.deepEqual(await kasi(running, "hold", "--domain", "d1.test"), { code: 0, out: "4 items held\n", err: "" });
    assert.match((await kasi(running, "release", "--state", "held", "--limit", "1")).out, /^1 item released/);
    assert.equal(
      (await kasi(running, "bounce", "--sender", "s0@*", "--reason", "Gone for good")).out,
      "1 item bounced\n",
    );
    assert.match((await kasi(running, "rm", "--sender", "s2@kasi.test")).out, /^1 item removed/);
    // A suspension holds for both, and is told of once.
    const sites = async (...args: string[]) => (await runKasi(["sites", ...args, "-c", running.dir])).stdout;
    await sites("suspend", "d0.test", "--for", "2h", "--reason", "they asked");
    await kasi(running, "retry", "--domain", "d0.test");
    assert.match(await sites("ls"), /^d0\.test suspended for 2h more, by the operator: they asked; .* 2 in line\n$/);
    assert.match(await sites("resume", "d0.test"), /^d0\.test well;/);
    const items = (await kasi(running, "ls", "--json", "--sort", "due")).out.trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    assert.equal(items.length, 7, "six, and a report");
    const [report] = items.filter(({ sender }) => sender === "");
    const [trace, cat] = await Promise.all([kasi(running, "trace", items[1].id), kasi(running, "cat", report.id)]);
    assert.match(trace.out, /deferred <a@d[01]\.test>: .*refused.*\n(?:.*\n)*? {2}Next /i);
    assert.match(cat.out, /^Received: [^]*Gone for good[^]*Final-Recipient: rfc822; ?a@d0\.test\r\n/);
    await running.kill();

    // Nobody serves now: the disk tells the same, and can be worked on.
    assert.equal(await count("--state", "held"), 3);
    assert.match(
      (await kasi(running, "trace", items[1].id)).out,
      /refused[^]*Next .*(?:if a server runs then|nothing: it is held)/i,
    );
    assert.match((await kasi(running, "rm", "--sender", "<>")).out, /^1 item removed/);
    assert.match((await kasi(running, "release", "--all")).out, /^3 items released; 3 passed over: not held/);
    assert.match(
      (await kasi(running, "export", join(running.dir, "out"), "--domain", "d1.test")).out,
      /^4 messages \(4 items\) written/,
    );
    assert.match((await kasi(running, "rm", "--all")).out, /^6 items removed/);
    assert.match((await kasi(running, "import", join(running.dir, "out"))).out, /^4 messages taken in/);
    assert.equal(await count("--domain", "d1.test"), 4);
  },
);
