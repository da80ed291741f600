import assert from "node:assert/strict";
import { dialAddress } from "../../src/delivery/target.ts";
import { test } from "../kit/test.ts";

test("a target is dialled by socket, by address, or by name where it has none", () => {
  const destination = { host: "mx.example", port: 26, priority: 0, protocol: "smtp" as const };
  const at = (address: string | undefined, path?: string) =>
    dialAddress({
      destination: path === undefined ? destination : { ...destination, path },
      address,
      name: "mx.example",
      fromDns: false,
      authentic: true,
    });
  assert.deepEqual(at("192.0.2.1"), { hostname: "192.0.2.1", port: 26 });
  assert.deepEqual(at(undefined), { hostname: "mx.example", port: 26 });
  assert.deepEqual(at(undefined, "/run/lmtp"), { path: "/run/lmtp" });
});
