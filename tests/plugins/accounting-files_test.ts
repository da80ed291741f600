import assert from "node:assert/strict";
import plugin from "../../plugins/accounting-files.ts";
import type { Item, Outcome } from "../../src/hooks/outbound.ts";
import { address, fakeSession, recipient } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { noSpace } from "../kit/memory_disk.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const BASE = "/site/data/accounting_files";

function itemOf(notes: Record<string, unknown> = {}): Item {
  const recipients = [recipient("a@b.test"), recipient("c@b.test")];
  const envelope = { id: "TXN.1", sender: address("me@kasi.test"), recipients, notes, smtpUtf8: false };
  return {
    id: "TXN.1.1",
    domain: "b.test",
    envelope,
    recipients,
    attempts: 1,
    queuedAt: NOON - 60_000,
    size: 9,
    log: memoryLog().log,
  };
}
const VIA = { host: "mx.b.test", ip: "192.0.2.7", port: 25, mode: "SMTP", tls: false, authenticated: false } as const;

async function bench(ini = "") {
  const started = await startPlugin(plugin, { files: { "accounting_files.ini": ini } });
  const { machine } = started;
  await machine.clock.advance(NOON - machine.clock.now());
  const run = async (
    kind: "delivered" | "deferred" | "bounce",
    notes?: Record<string, unknown>,
    texts = ["one", "two"],
  ) => {
    const item = itemOf(notes);
    const outcomes = item.recipients.map((recipient, i): Outcome =>
      kind === "delivered" ? { kind, recipient, reply: { code: 250, text: texts[i]! } } : {
        kind: kind === "bounce" ? "failed" : kind,
        recipient,
        reason: { text: texts[i]!, status: kind === "bounce" ? "5.1.1" : "4.2.2" },
      }
    );
    const event = { item, outcomes, via: VIA, attempt: { outcomes, via: VIA }, delay: 300, response: "", error: "" };
    return (await started.run(kind, { event })).verdict;
  };
  const files = () =>
    Object.fromEntries(
      [...machine.disk.files].filter(([path]) => !path.startsWith("/site/config"))
        .map(([path, node]) => [path, new TextDecoder().decode(node.data.subarray(0, node.size)).split("\r\n")]),
    );
  return { ...started, send: run, files, disk: machine.disk };
}
const stamp = (ms: number) => {
  const two = (value: number) => String(value).padStart(2, "0");
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}-${two(at.getHours())}${
    two(at.getMinutes())
  }${two(at.getSeconds())}`;
};

test("each outcome of each recipient is a line of the file of its kind, below a heading [row 297]", async () => {
  const { send, files } = await bench();
  assert.equal(await send("delivered", { outbound_helo: "out.kasi.test", outbound_ip: "192.0.2.1" }), undefined);
  assert.equal(await send("deferred"), undefined);
  assert.equal(await send("bounce"), undefined);
  await send("delivered", {}, ["tab\there", "line\r\nend"]);
  const times = "2026-11-22T12:00:00.000Z\t2026-11-22T11:59:00.000Z";
  const heading = "type\ttimeLogged\ttimeQueued\trcpt\tsrcMta\tsrcIp\tdestIp\tjobId\tdsnStatus\tdsnMsg\t";
  assert.deepEqual(files(), {
    [`${BASE}/delivered/d.${stamp(NOON)}.tsv`]: [
      heading,
      `d\t${times}\ta@b.test\tout.kasi.test\t192.0.2.1\t192.0.2.7\tTXN.1\t250\tone\t`,
      `d\t${times}\tc@b.test\tout.kasi.test\t192.0.2.1\t192.0.2.7\tTXN.1\t250\ttwo\t`,
      `d\t${times}\ta@b.test\tmx.kasi.test\t\t192.0.2.7\tTXN.1\t250\ttab here\t`,
      `d\t${times}\tc@b.test\tmx.kasi.test\t\t192.0.2.7\tTXN.1\t250\tline end\t`,
      "",
    ],
    [`${BASE}/deferred/t.${stamp(NOON)}.tsv`]: [
      `${heading}delay\t`,
      `df\t${times}\ta@b.test\tmx.kasi.test\t\t192.0.2.7\tTXN.1\t4.2.2\tone\t300\t`,
      `df\t${times}\tc@b.test\tmx.kasi.test\t\t192.0.2.7\tTXN.1\t4.2.2\ttwo\t300\t`,
      "",
    ],
    [`${BASE}/bounce/b.${stamp(NOON)}.tsv`]: [
      `${heading}bounceCat\t`,
      `b\t${times}\ta@b.test\tmx.kasi.test\t\t\tTXN.1\t5.1.1\tone\taddress\t`,
      `b\t${times}\tc@b.test\tmx.kasi.test\t\t\tTXN.1\t5.1.1\ttwo\taddress\t`,
      "",
    ],
  });

  const own = await bench(
    "path=/var/acc/\nextension=csv\nseparator=|\nbounce_reports=false\n[location]\nbounce=/bounces\n" +
      "[fields]\nbounce=rcpt,custom_X-Job,vmta,unknown\n",
  );
  const session = fakeSession({ from: "me@kasi.test" });
  await own.run("data_post", { session, message: "X-Job: 4|2\nX-Other: no\n\nx\n" });
  const notes = session.transaction!.notes.toJSON();
  assert.deepEqual(await own.send("bounce", { ...notes, vmta: "m1" }), { kind: "ok" });
  assert.deepEqual(own.files(), {
    [`/var/acc/bounces/b.${stamp(NOON)}.csv`]: [
      "rcpt|custom_X-Job|vmta|unknown|",
      "a@b.test|4 2|m1||",
      "c@b.test|4 2|m1||",
      "",
    ],
  });

  for (
    const [more, wait] of [["archive_interval=60", 60_000], ["archive_interval=999999\nmax_size=1", 1_000]] as const
  ) {
    const old = await bench(`archiving=true\n${more}\n`);
    await old.send("delivered", {}, wait === 1_000 ? ["y", "x".repeat(1024 * 1024)] : ["one", "two"]);
    await old.machine.clock.advance(wait);
    await old.send("delivered");
    const names = Object.keys(old.files()).sort();
    assert.equal(names.at(-1), `${BASE}/delivered/d.${stamp(NOON + wait)}.tsv`);
    assert.ok(names.some((name) => name.startsWith(`${BASE}/delivered/archive/d.${stamp(NOON)}.tsv`)), names.join());
    const lines = Object.values(old.files()).flat().filter((line) => line.startsWith("d\t"));
    assert.equal(lines.length, 4, "no line is lost on the way");
  }
});

test("a start goes on beside older files, and archives them where that is on; nothing in the archive is overwritten", async () => {
  for (const archiving of [false, true]) {
    const { send, files, machine } = await bench(`archiving=${archiving}\n`);
    machine.host.mkdirSync(`${BASE}/delivered/archive`, { recursive: true });
    machine.host.writeTextFileSync(`${BASE}/delivered/d.old.tsv`, "new");
    machine.host.writeTextFileSync(`${BASE}/delivered/archive/d.old.tsv`, "old");
    await send("delivered");
    const texts = files();
    assert.deepEqual(texts[`${BASE}/delivered/archive/d.old.tsv`], ["old"]);
    assert.deepEqual(texts[`${BASE}/delivered/archive/d.old.tsv.1`], archiving ? ["new"] : undefined);
    assert.equal(texts[`${BASE}/delivered/d.${stamp(NOON)}.tsv`]!.length, 4);
  }
});

test("a disk in trouble costs a line and nothing else, and the next line is tried again", async () => {
  const { send, files, disk, log } = await bench();
  disk.before = ({ kind }) => {
    if (kind === "write") throw noSpace();
  };
  assert.equal(await send("delivered"), undefined);
  assert.match(log.text(), /Cannot write to the accounting files/);
  assert.equal(disk.open, 0);
  disk.before = () => {};
  await send("delivered");
  assert.equal(files()[`${BASE}/delivered/d.${stamp(NOON)}.tsv`]!.length, 4);
});
