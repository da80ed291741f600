import assert from "node:assert/strict";
import { notFound } from "../../src/http/not_found.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

async function ask(accept: string, page?: string): Promise<[number, string | null, string]> {
  const { host } = memoryMachine();
  host.mkdirSync("/docroot");
  if (page !== undefined) host.writeTextFileSync("/docroot/404.html", page);
  const response = notFound(host, "/docroot", new Request("http://x/", { headers: { accept } }));
  return [response.status, response.headers.get("content-type"), await response.text()];
}

test("404 comes as the docroot's page, as JSON or as text, as the client likes", async () => {
  assert.deepEqual(await ask("text/html", "<p>gone"), [404, "text/html; charset=utf-8", "<p>gone"]);
  assert.deepEqual(await ask("application/json", "<p>gone"), [404, "application/json", '{"err":"Not found"}']);
  assert.deepEqual(await ask("text/plain", "<p>gone"), [404, "text/plain; charset=utf-8", "Not found!"]);
  assert.deepEqual(await ask("image/png", "<p>gone"), [404, "text/plain; charset=utf-8", "Not found!"]);
});

test("without a page of the docroot there is a plain one", async () => {
  const [status, type, body] = await ask("*/*");
  assert.deepEqual([status, type], [404, "text/html; charset=utf-8"]);
  assert.match(body, /<h1>Not found<\/h1>/);
});
