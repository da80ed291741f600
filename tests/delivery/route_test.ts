import assert from "node:assert/strict";
import { bestHosts, byPriority, NAMED, resolveHosts, type Route, routeDomain } from "../../src/delivery/route.ts";
import { test } from "../kit/test.ts";
import { zone, type ZoneText } from "../kit/zone.ts";
import { makeRoom } from "./room.ts";

const signal = new AbortController().signal;
const context = (text: ZoneText, random = () => 0.99, inetPrefer: "v4" | "v6" | "default" = "default") => ({
  resolver: zone(text),
  settings: { inetPrefer, mxPort: 25 },
  random,
  signal,
});
const addresses = (route: Route) =>
  route.kind === "targets"
    ? route.targets.map((target) => target.address ?? target.destination.path ?? target.name)
    : route.finding.kind;
const road = async (domain: string, text: ZoneText, random?: () => number, prefer?: "v4" | "v6" | "default") =>
  addresses(await routeDomain(domain, context(text, random, prefer)));

const MIXED: ZoneText = {
  "d.example": { MX: ["20 far.example", "10 near.example", "10 twin.example"] },
  "far.example": { AAAA: ["2001:db8::3"], A: ["192.0.2.3"] },
  "near.example": { AAAA: ["2001:db8::1"], A: ["192.0.2.1"] },
  "twin.example": { A: ["192.0.2.2"] },
};

test("MX hosts go by priority, equal ones in random order [row 191]", async () => {
  assert.deepEqual(await road("d.example", MIXED, () => 0.99), [
    "2001:db8::1",
    "192.0.2.1",
    "192.0.2.2",
    "2001:db8::3",
    "192.0.2.3",
  ]);
  const firsts = new Map<string, number>();
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < 600; i++) {
    const all = ["a", "b", "c"].map((host) => ({ host, port: 25, priority: 5, protocol: "smtp" as const }));
    const [first] = byPriority([{ ...all[0]!, host: "last", priority: 9 }, ...all], random);
    firsts.set(first!.host, (firsts.get(first!.host) ?? 0) + 1);
  }
  assert.deepEqual([...firsts.keys()].sort(), ["a", "b", "c"]);
  for (const [host, times] of firsts) assert.ok(times > 140 && times < 260, `${host} came first ${times} times of 600`);
});

test("the best hosts of a domain are those of its lowest preference, by name", async () => {
  const text: ZoneText = {
    ...MIXED,
    "plain.example": { A: ["192.0.2.9"] },
    "null.example": { MX: ["0 ."] },
    "bad.example": "servfail",
  };
  const best = (domain: string) => bestHosts(domain, context(text));
  assert.deepEqual(await best("d.example."), ["near.example", "twin.example"]);
  assert.deepEqual(await best("plain.example"), ["plain.example"]);
  for (const none of ["null.example", "bad.example", "unknown.example", "[192.0.2.1]", ""]) {
    assert.deepEqual(await best(none), [], none);
  }
});

test("a domain without MX is its own MX, IPv6 before IPv4 [row 192]", async () => {
  const text: ZoneText = { "plain.example": { AAAA: ["2001:db8::9"], A: ["192.0.2.9"] } };
  assert.deepEqual(await road("plain.example", text), ["2001:db8::9", "192.0.2.9"]);
});

test("a null MX bounces with its text [row 193]", async () => {
  const room = makeRoom({ zone: { "null.example": { MX: ["0 ."] } } });
  assert.deepEqual(await room.lines({ to: ["a@null.example"] }), [
    "a@null.example failed 5.1.10 Domain null.example sends and receives no email (NULL MX)",
  ]);
});

test("no such domain and no address bounce, every other failure of the DNS defers [row 194]", async () => {
  const room = makeRoom({
    zone: {
      "empty.example": { TXT: ["nothing else"] },
      "gone.example": { MX: ["10 mx.gone.example"] },
      "half.example": { MX: ["10 mx.half.example"] },
      "mx.half.example": "servfail",
      "s.example": "servfail",
      "r.example": "refused",
      "t.example": "timeout",
      "n.example": "network",
      "m.example": "malformed",
    },
  });
  const line = async (domain: string) => (await room.lines({ to: [`a@${domain}`] }))[0]!.slice(`a@${domain} `.length);
  assert.equal(await line("none.example"), "failed 5.1.2 No Such Domain: none.example");
  for (const domain of ["empty.example", "gone.example"]) {
    assert.equal(await line(domain), `failed 5.1.2 Nowhere to deliver mail to for domain: ${domain}`);
  }
  for (const domain of ["s", "r", "t", "n", "m", "half"]) {
    assert.match(await line(`${domain}.example`), /^deferred 4\.4\.3 DNS lookup failure: /);
  }
});

test("inet_prefer puts a family first within each priority [row 195]", async () => {
  assert.deepEqual(await road("d.example", MIXED, undefined, "v4"), [
    "192.0.2.1",
    "192.0.2.2",
    "2001:db8::1",
    "192.0.2.3",
    "2001:db8::3",
  ]);
  assert.deepEqual((await road("d.example", MIXED, undefined, "v6") as string[])[0], "2001:db8::1");
  assert.deepEqual((await road("d.example", MIXED, undefined, "v6") as string[])[3], "2001:db8::3");
});

test("address literals need no DNS, others than addresses lead nowhere", async () => {
  assert.deepEqual(await road("[192.0.2.7]", {}), ["192.0.2.7"]);
  assert.deepEqual(await road("[IPv6:2001:db8::7]", {}), ["2001:db8::7"]);
  assert.equal(await road("[x400:thing]", {}), "nowhere");
  assert.equal(await road("", {}), "nowhere");
});

test("names are asked for as A-labels, without their last dot or what stands before an @", async () => {
  const text: ZoneText = { "xn--mller-kva.example": { MX: ["1 mx.example"] }, "mx.example": { A: ["192.0.2.8"] } };
  assert.deepEqual(await road("Müller.example", text), ["192.0.2.8"]);
  assert.deepEqual(await road("me@xn--mller-kva.example.", text), ["192.0.2.8"]);
});

test("a host that cannot be looked up now does not hide one that can", async () => {
  const text: ZoneText = {
    "d.example": { MX: ["10 broken.example", "20 good.example"] },
    "broken.example": "servfail",
    "good.example": { A: ["192.0.2.4"] },
  };
  assert.deepEqual(await road("d.example", text), ["192.0.2.4"]);
});

test("hosts a plugin names: addresses, sockets and localhost pass without the DNS, unknown names are left to the system", async () => {
  const text = context({ "known.example": { A: ["192.0.2.5"] } });
  const at = (host: string, path?: string) => ({
    host,
    port: 25,
    priority: 0,
    protocol: "smtp" as const,
    ...(path && { path }),
  });
  const found = await resolveHosts(
    [at("192.0.2.6"), at("", "/run/lmtp"), at("localhost"), at("known.example"), at("docker-host")],
    NAMED,
    text,
  );
  assert.deepEqual(addresses(found), ["192.0.2.6", "/run/lmtp", "::1", "127.0.0.1", "192.0.2.5", "docker-host"]);
  assert.equal(text.resolver.count("localhost"), 0);
});

test("a domain of thousands of MX hosts or addresses is asked for and tried in part, the best ones first", async () => {
  const many = Array.from({ length: 2000 }, (_, i) => i);
  const text: ZoneText = {
    "flood.example": { MX: many.map((i) => `${i} mx${i}.flood.example`) },
    "wide.example": { A: many.map((i) => `10.0.${i >> 8}.${i & 255}`) },
    ...Object.fromEntries(many.map((i) => [`mx${i}.flood.example`, { A: [`10.1.${i >> 8}.${i & 255}`] }])),
  };
  const resolver = zone(text);
  const flood = addresses(await routeDomain("flood.example", { ...context(text), resolver }));
  assert.deepEqual(flood, many.slice(0, 20).map((i) => `10.1.0.${i}`));
  assert.equal(addresses(await routeDomain("wide.example", context(text))).length, 40);
});
