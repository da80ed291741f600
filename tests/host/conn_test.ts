import assert from "node:assert/strict";
import { closeConn } from "../../src/host/conn.ts";
import { connectionPair } from "../kit/memory_net.ts";
import { test } from "../kit/test.ts";

test("a connection is closed once and closing it again does no harm", () => {
  const [client] = connectionPair();
  closeConn(client);
  closeConn(client);
  assert.equal(client.closed, true);
});
