import assert from "node:assert/strict";
import { memoryClient } from "../../src/cli/memory_client.ts";
import { test } from "../kit/test.ts";

test("replies come one by one, several lines or pieces at once, and end with the session", async () => {
  const client = memoryClient();
  const writer = client.writable.getWriter();
  const text = new TextEncoder();
  await writer.write(text.encode("220 hello\r\n250-a\r\n25"));
  await writer.write(text.encode("0 b\r\n"));
  assert.deepEqual([await client.reply(), await client.reply()], [220, 250]);
  const reader = client.readable.getReader({ mode: "byob" });
  client.say("QUIT\r\n");
  const { value } = await reader.read(new Uint8Array(10));
  assert.equal(new TextDecoder().decode(value), "QUIT\r\n");
  const last = client.reply();
  await writer.close();
  assert.equal(await last, undefined);
  client.end();
  client.say("too late");
});
