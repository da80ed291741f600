import assert from "node:assert/strict";
import { isCommonJs } from "../../../src/hooks/haraka/is_commonjs.ts";
import { netUtils, TLD } from "../../../src/hooks/haraka/net_utils.ts";
import { outboundModule } from "../../../src/hooks/haraka/outbound.ts";
import { UTILS } from "../../../src/hooks/haraka/utils.ts";
import type { Envelope } from "../../../src/hooks/outbound.ts";
import { memoryMachine } from "../../kit/memory_host.ts";
import { pluginHost } from "../../kit/plugin_host.ts";
import { textOf } from "../../kit/session_kit.ts";
import { test } from "../../kit/test.ts";

test("a file is CommonJS by its ending, its package, its words", () => {
  assert.equal(isCommonJs("/a.cjs", "export default 1"), true);
  assert.equal(isCommonJs("/a.mjs", "exports.a = 1"), false);
  assert.equal(isCommonJs("/a.ts", "exports.a = 1"), false);
  assert.equal(isCommonJs("/a.js", "exports.a = 1", "module"), false);
  assert.equal(
    isCommonJs("/a.js", "// import x from 'y'\n/*\nexport default 1 */\nexports.a = () => import('x')"),
    true,
  );
  for (
    const text of [
      "import x from 'y'",
      "  import { a } from 'b'",
      "import 'x'",
      "export default {}",
      "export const a = 1",
      "export {a}",
    ]
  ) {
    assert.equal(isCommonJs("/a.js", `const z = 1;\n${text};`), false, text);
  }
});

test("send_email queues a message; malformed addresses and nobody are DENY, a queue that cannot is DENYSOFT [row 222]", async () => {
  const taken: { envelope: Envelope; text: string }[] = [];
  let broken = false;
  const { host } = pluginHost("own", {
    async enqueue(envelope, message) {
      if (broken) throw new Error("disk full");
      taken.push({ envelope, text: await textOf(message) });
    },
  });
  const { send_email } = outboundModule(host) as { send_email: (...given: unknown[]) => void };
  const send = (...given: unknown[]) =>
    new Promise<[number, string]>((resolve) =>
      send_email(...given, (code: number, message: string) => resolve([code, message]))
    );
  const [code, message] = await send("<a@a.test>", ["b@b.test", "<c@c.test>"], "Subject: x\nMessage-Id: <>\n\n.dot\n");
  assert.equal(code, 906);
  const [{ envelope, text }] = taken as [typeof taken[0]];
  assert.equal(message, `Message Queued (${envelope.id})`);
  assert.deepEqual(envelope.recipients.map(({ address }) => address.address), ["b@b.test", "c@c.test"]);
  assert.equal(text, "Subject: x\r\nMessage-Id: <>\r\n\r\n.dot\r\n");
  assert.deepEqual((await send("no address", "b@b.test", "x"))[0], 902);
  assert.match((await send("<>", "n o", "x"))[1], /Malformed to address/);
  assert.deepEqual(await send("<>", [], "x"), [902, "No recipients for email"]);
  const options = { dot_stuffed: true, remove_msgid: true, remove_date: true, notes: { mine: 1 } };
  const streams = [
    nodeStream("Date: x\nMessage-Id: <a>\n", "\n..dot\n"),
    ReadableStream.from(["Date: x\n", "\n..dot\n"]),
  ];
  for (const stream of streams) {
    await new Promise<void>((resolve) => send_email("<>", "b@b.test", stream, () => resolve(), options));
    assert.deepEqual([taken.at(-1)!.text, taken.at(-1)!.envelope.notes], ["\r\n.dot\r\n", { mine: 1 }]);
  }
  assert.deepEqual(await send("<>", "b@b.test", nodeStream("x", new Error("gone"))), [
    903,
    "The content cannot be read: gone",
  ]);
  send_email("<>", "nobody hears of it", "x");
  broken = true;
  assert.deepEqual(await send("<>", "b@b.test", "x"), [903, "disk full"]);
});

test("get_stats tells how the queue stands now, or as the workers said last [row 224]", async () => {
  const numbers = { inProgress: 1, queued: 2, tempFail: 3, held: 4 };
  const here = outboundModule(pluginHost("own", { stats: numbers }).host) as { get_stats(): string };
  assert.equal(here.get_stats(), "1/2/3");
  const { host } = pluginHost("own");
  const far = { ...host, outbound: { ...host.outbound, stats: () => Promise.resolve(numbers) } };
  const main = outboundModule(far) as { get_stats(): string };
  assert.equal(main.get_stats(), "0/0/0");
  await undefined;
  assert.equal(main.get_stats(), "1/2/3");
});

/** As Node's first streams were: events alone. */
function nodeStream(...chunks: readonly (string | Error)[]) {
  const heard = new Map<string, (given: unknown) => void>();
  let paused = false;
  const left = [...chunks];
  const flow = () => {
    while (!paused && left.length > 0) {
      const next = left.shift()!;
      if (next instanceof Error) return heard.get("error")?.(next);
      heard.get("data")?.(next);
    }
    if (!paused) heard.get("end")?.(undefined);
  };
  return {
    on: (event: string, listener: (given: unknown) => void) => void heard.set(event, listener),
    pause: () => void (paused = true),
    resume() {
      paused = false;
      queueMicrotask(flow);
    },
  };
}

test("net_utils looks addresses up through our resolver", async () => {
  const machine = memoryMachine({
    zone: {
      "a.test": { MX: ["20 two.a.test", "10 one.a.test"] },
      "one.a.test": { A: ["192.0.2.1"] },
      "b.test": { A: ["192.0.2.2"] },
    },
  });
  const net = netUtils(machine, "mx.test") as Record<string, (...given: any[]) => any>;
  assert.deepEqual((await net.get_mx!("a.test")).map((mx: { exchange: string }) => mx.exchange), [
    "one.a.test",
    "two.a.test",
  ]);
  assert.deepEqual(
    await new Promise((resolve) => net.get_mx!("b.test", (_: unknown, list: unknown) => resolve(list))),
    [
      { priority: 0, exchange: "192.0.2.2", from_dns: "b.test" },
    ],
  );
  const resolved = await net.resolve_mx_hosts!([{ priority: 1, exchange: "one.a.test" }]);
  assert.deepEqual(resolved.map((mx: { exchange: string }) => mx.exchange), ["192.0.2.1"]);
  assert.deepEqual(await net.get_ips_by_host!("b.test"), ["192.0.2.2"]);
  assert.deepEqual([net.is_private_ip!("10.0.0.1"), net.is_private_ip!("8.8.8.8"), net.is_local_ip!("127.0.0.1")], [
    true,
    false,
    true,
  ]);
  assert.equal(net.ip_in_list!({ "192.0.2.0/24": true }, "192.0.2.9"), true);
  assert.equal(net.same_ipv4_network!("192.0.2.9", ["192.0.2.1"]), true);
  assert.equal(net.get_primary_host_name!(), "mx.test");
  const tld = TLD as Record<string, (host: string) => unknown>;
  assert.equal(tld.get_organizational_domain!("a.b.example.co.uk"), "example.co.uk");
  assert.deepEqual(tld.split_hostname!("a.b.example.co.uk"), ["a.b", "example.co.uk"]);
  assert.equal(tld.is_public_suffix!("co.uk"), true);
});

test("haraka-utils: lists, base64, regular expressions", () => {
  const utils = UTILS as Record<string, (...given: any[]) => any>;
  assert.deepEqual(utils.to_object!("a, b;c"), { a: true, b: true, c: true });
  assert.deepEqual(utils.valid_regexes!(["a+", "(", "[b]"]), ["a+", "[b]"]);
  assert.equal(utils.unbase64!(utils.base64!("hé")), "hé");
  assert.equal(new RegExp(utils.wildcard_to_regexp!("a*.?c")).test("axx.bc"), true);
  const odd = "a.b*c+(d)[e]{f}|g^h$i\\j/k #,-?";
  for (const flags of ["", "i"]) assert.match(odd, new RegExp(`^${utils.regexp_escape!(odd)}$`, flags));
  assert.doesNotMatch("axb", new RegExp(`^${utils.regexp_escape!("a.b")}$`));
  assert.equal(utils.in_array!("a", ["a"]), true);
  assert.equal(utils.prettySize!(2048), "2.00kB");
});
