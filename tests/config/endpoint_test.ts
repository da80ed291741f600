import assert from "node:assert/strict";
import { formatEndpoint, parseEndpoint } from "../../src/config/endpoint.ts";
import type { Endpoint } from "../../src/config/endpoint.ts";
import { test } from "../kit/test.ts";

const tcp = (host: string, port: number): Endpoint => ({ kind: "tcp", host, port });

const GOOD: readonly (readonly [string, Endpoint, string])[] = [
  ["25", tcp("::", 25), "[::0]:25"],
  ["[::0]:25", tcp("::", 25), "[::0]:25"],
  ["1.2.3.4", tcp("1.2.3.4", 24), "1.2.3.4:24"],
  ["1.2.3.4:25", tcp("1.2.3.4", 25), "1.2.3.4:25"],
  ["[2001:db8::1]", tcp("2001:db8::1", 24), "[2001:db8::1]:24"],
  ["[2001:db8::1]:587", tcp("2001:db8::1", 587), "[2001:db8::1]:587"],
  ["2001:db8::1", tcp("2001:db8::1", 24), "[2001:db8::1]:24"],
  ["1:2:3:4:5:6:7:8:25", tcp("1:2:3:4:5:6:7:8", 25), "[1:2:3:4:5:6:7:8]:25"],
  ["mx.example.com", tcp("mx.example.com", 24), "mx.example.com:24"],
  [" localhost:2525 ", tcp("localhost", 2525), "localhost:2525"],
  ["/run/kasi.sock", { kind: "unix", path: "/run/kasi.sock" }, "/run/kasi.sock"],
  ["./kasi.sock:770", { kind: "unix", path: "./kasi.sock", mode: 0o770 }, "./kasi.sock:770"],
  ["/run/kasi.sock:007", { kind: "unix", path: "/run/kasi.sock", mode: 7 }, "/run/kasi.sock:007"],
];
const WRONG = [
  "",
  " ",
  ":25",
  "host:",
  "host:smtp",
  "host:65536",
  "99999",
  "1.2.3.256",
  "1.2.3",
  "[::1",
  "[host]:25",
  "::1:99999x",
  "a_b",
  "-a.example",
  "/run/",
  "a b",
  "1.2.3.4:25:26",
];

test("each accepted form is understood, and written in one form only", () => {
  for (const [text, endpoint, written] of GOOD) {
    assert.deepEqual(parseEndpoint(text, 24), endpoint, text);
    assert.equal(formatEndpoint(endpoint), written);
  }
});

test("what is written is understood as what it was", () => {
  for (const [, endpoint] of GOOD) assert.deepEqual(parseEndpoint(formatEndpoint(endpoint), 1), endpoint);
});

test("anything else is bad, and says what was wanted", () => {
  for (const text of WRONG) {
    const result = parseEndpoint(text, 24);
    assert.equal(result.kind, "bad", text);
    assert.ok(result.kind === "bad" && result.wanted.includes("port"));
  }
});
