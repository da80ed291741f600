import assert from "node:assert/strict";
import { ipInName } from "../../src/base/ip_in_name.ts";
import { test } from "../kit/test.ts";

test("names made from an address are told from names that are given", () => {
  for (
    const [ip, name] of [
      ["208.75.177.98", "c-208-75-177-98.example.net"],
      ["208.75.177.98", "98.177.75.208.Example.co.uk"],
      ["208.75.177.98", "dsl177098.example.net"],
      ["208.75.177.98", "208-75.pool.example.net"],
      ["192.0.2.9", "c0000209.example.net"],
      ["::ffff:208.75.177.98", "h177-98.example.net"],
    ] as const
  ) assert.equal(ipInName(ip, name), true, `${ip} ${name}`);
  for (
    const [ip, name] of [
      ["208.75.177.98", "mail.example.net"],
      ["208.75.177.98", "mail177.example.net"],
      ["208.75.177.98", "mail.177-98.net"],
      ["208.75.11.11", "h11.example.net"],
      ["2001:db8::1", "20010db8.example.net"],
      ["208.75.177.98", ""],
      ["nonsense", "208-75.example.net"],
    ] as const
  ) assert.equal(ipInName(ip, name), false, `${ip} ${name}`);
});
