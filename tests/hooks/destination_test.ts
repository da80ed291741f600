import assert from "node:assert/strict";
import { parseDestination, parseDestinations } from "../../src/hooks/destination.ts";
import { test } from "../kit/test.ts";

const smtp = (host: string, port = 25) => ({ host, port, priority: 0, protocol: "smtp" });
const auth = (user: string, pass: string) => ({ user, pass, type: "plain" });

test("every form of a next hop is read: hosts, ports, IPv6, credentials, LMTP, Unix sockets, objects in both vocabularies [row 197]", () => {
  const CASES: [unknown, unknown][] = [
    ["MX.Example.com", smtp("mx.example.com")],
    ["mx.example.com:2525", smtp("mx.example.com", 2525)],
    ["192.0.2.1", smtp("192.0.2.1")],
    ["192.0.2.1:26", smtp("192.0.2.1", 26)],
    ["[2001:DB8::1]", smtp("2001:db8::1")],
    ["[2001:db8::1]:26", smtp("2001:db8::1", 26)],
    ["2001:db8::1", smtp("2001:db8::1")],
    ["smtp://mx.example.com", smtp("mx.example.com")],
    ["smtp://mx.example.com:587/", smtp("mx.example.com", 587)],
    ["smtp://user:pass@mx.example.com:587", { ...smtp("mx.example.com", 587), auth: auth("user", "pass") }],
    ["smtp://a%40b:p@ss%3A@[2001:db8::1]:587", { ...smtp("2001:db8::1", 587), auth: auth("a@b", "p@ss:") }],
    ["lmtp://mail.example.com", { ...smtp("mail.example.com", 24), protocol: "lmtp" }],
    ["lmtp://mail.example.com:2424", { ...smtp("mail.example.com", 2424), protocol: "lmtp" }],
    [{ exchange: "MX.example.com" }, smtp("mx.example.com")],
    [{ exchange: "mx.example.com", port: "26", priority: 10 }, { ...smtp("mx.example.com", 26), priority: 10 }],
    [{ exchange: "mx.example.com", using_lmtp: true }, { ...smtp("mx.example.com", 24), protocol: "lmtp" }],
    [{ path: "/run/lmtp", using_lmtp: "true" }, { ...smtp("", 24), protocol: "lmtp", path: "/run/lmtp" }],
    [
      {
        exchange: "h",
        bind: "192.0.2.7",
        bind_helo: "out.kasi.test",
        auth_user: "u",
        auth_pass: "p",
        auth_type: "login",
        from_dns: "mx.d",
      },
      {
        ...smtp("h"),
        bind: "192.0.2.7",
        bindHelo: "out.kasi.test",
        auth: { user: "u", pass: "p", type: "login" },
        fromDns: "mx.d",
      },
    ],
    [{ host: "h", port: 25, priority: 5, protocol: "lmtp", tls: "required" }, {
      ...smtp("h"),
      priority: 5,
      protocol: "lmtp",
      tls: "required",
    }],
    [{ host: "h:26" }, smtp("h", 26)],
  ];
  for (const [given, wanted] of CASES) assert.deepEqual(parseDestination(given), wanted, JSON.stringify(given));
  assert.deepEqual(parseDestinations(["a", { exchange: "b" }]), [smtp("a"), smtp("b")]);
  assert.deepEqual(parseDestinations("a"), [smtp("a")]);
});

test("nonsense is refused with what was wanted, and never shows a password", () => {
  for (
    const given of [
      "",
      "a b",
      "host:0",
      "host:99999",
      "host:x",
      "http://h/x",
      7,
      null,
      undefined,
      {},
      { exchange: "" },
      { host: "h", tls: "maybe" },
      { host: "h", priority: "x" },
    ]
  ) {
    assert.throws(
      () => parseDestination(given),
      /TypeError: Cannot read this next hop: current value is .*; wanted:/,
      JSON.stringify(given),
    );
  }
  for (const given of ["smtp://user:secret@bad host", { auth_pass: "secret" }, "smtp://:secret@h"]) {
    assert.throws(() => parseDestination(given), (error: Error) => !error.message.includes("secret"));
  }
});
