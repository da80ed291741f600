import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { thisMachine } from "../../src/host/machine.ts";
import type { Host } from "../../src/host/types.ts";
import { fileResponse } from "../../src/http/files.ts";
import { test } from "../kit/test.ts";

const { host } = await thisMachine();

/** A directory with files, one of them a secret beside the docroot; removed behind the body. */
async function docroot(body: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "kasi-files-"));
  const root = join(dir, "root");
  try {
    mkdirSync(join(root, "sub"), { recursive: true });
    mkdirSync(join(root, ".well-known"));
    const files = {
      "root/index.html": "<p>",
      "root/sub/index.html": "sub",
      "root/sub/a.JS": "js",
      "root/.hidden": "x",
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    writeFileSync(join(root, ".well-known/token"), "token");
    writeFileSync(join(dir, "secret"), "secret");
    mkdirSync(join(dir, "root-beside"));
    writeFileSync(join(dir, "root-beside/x"), "beside");
    symlinkSync(join(dir, "secret"), join(root, "out"));
    symlinkSync(join(root, "index.html"), join(root, "in.html"));
    await body(root);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const ask = (dir: string, path: string, headers: Record<string, string> = {}, method = "GET") =>
  fileResponse(host, dir, path, new Request(`http://x${path}`, { method, headers }));

test("files are served with type and length, a directory by its index.html", () =>
  docroot(async (dir) => {
    const index = ask(dir, "/")!;
    assert.equal(await index.text(), "<p>");
    assert.equal(index.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(index.headers.get("content-length"), "3");
    assert.equal(index.headers.get("x-content-type-options"), "nosniff");
    const script = ask(dir, "/sub/a.JS")!;
    assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
    assert.equal(await script.text(), "js");
    assert.equal(await ask(dir, "/sub/")!.text(), "sub");
    assert.equal(await ask(dir, "/.well-known/token")!.text(), "token");
  }));

test("a directory without its slash is redirected to, never to another host", () =>
  docroot((dir) => {
    const response = ask(dir, "/sub", {})!;
    assert.deepEqual([response.status, response.headers.get("location")], [301, "/sub/"]);
    const twice = fileResponse(host, dir, "/sub", new Request("http://x//evil.test/sub?q=1"))!;
    assert.equal(twice.headers.get("location"), "/evil.test/sub/?q=1");
  }));

test("nothing outside the directory is served and nothing hidden; links within it are followed", () =>
  docroot(async (dir) => {
    const bad = [
      "/../secret",
      "/sub/../../secret",
      "/..",
      "/.hidden",
      "/out",
      "//etc/passwd",
      "/sub//a.JS",
      "/../root-beside/x",
    ];
    for (const path of [...bad, "/\0", "/nowhere", "/sub\\a.JS", "/index.html/"]) {
      assert.equal(fileResponse(host, dir, path, new Request("http://x/")), undefined, path);
    }
    assert.equal(await ask(dir, "/in.html")!.text(), "<p>");
    assert.equal(ask(join(dir, "missing"), "/"), undefined);
  }));

test("a file that did not change is 304 by ETag or by date, and the ETag speaks first", () =>
  docroot(async (dir) => {
    utimesSync(join(dir, "index.html"), 1_700_000_000.5, 1_700_000_000.5);
    const first = ask(dir, "/")!;
    await first.body!.cancel();
    const etag = first.headers.get("etag")!;
    const modified = first.headers.get("last-modified")!;
    assert.equal(modified, "Tue, 14 Nov 2023 22:13:20 GMT");
    const status = (headers: Record<string, string>) => {
      const response = ask(dir, "/", headers)!;
      void response.body?.cancel();
      return response.status;
    };
    assert.equal(status({ "if-none-match": `"other", ${etag}` }), 304);
    assert.equal(status({ "if-none-match": "*" }), 304);
    assert.equal(status({ "if-none-match": '"other"', "if-modified-since": modified }), 200);
    assert.equal(status({ "if-modified-since": modified }), 304);
    assert.equal(status({ "if-modified-since": "Tue, 14 Nov 2023 22:13:19 GMT" }), 200);
    assert.equal(status({ "if-modified-since": "nonsense" }), 200);
  }));

test("HEAD has the headers and no body", () =>
  docroot((dir) => {
    const response = ask(dir, "/", {}, "HEAD")!;
    assert.deepEqual([response.status, response.headers.get("content-length"), response.body], [200, "3", null]);
  }));

test("a large file comes in pieces, and a reader that leaves closes it", () =>
  docroot(async (dir) => {
    writeFileSync(join(dir, "large"), new Uint8Array(300_000).fill(7));
    const whole = new Uint8Array(await ask(dir, "/large")!.arrayBuffer());
    assert.equal(whole.length, 300_000);
    assert.ok(whole.every((octet) => octet === 7));
    const reader = ask(dir, "/large")!.body!.getReader();
    assert.ok((await reader.read()).value!.length < 300_000);
    await reader.cancel(); // Deno's sanitizer would tell of a descriptor left open
  }));

test("a file that became shorter does not pass for whole", () =>
  docroot(async (dir) => {
    writeFileSync(join(dir, "large"), new Uint8Array(300_000));
    const response = ask(dir, "/large")!;
    writeFileSync(join(dir, "large"), "now short");
    await assert.rejects(response.arrayBuffer());
  }));

test("a file that may not be read is not there", () =>
  docroot((dir) => {
    const unreadable = {
      realPathSync: (path: string) => host.realPathSync(path),
      statSync: (path: string) => host.statSync(path),
      openSync() {
        throw new Error("Permission denied");
      },
    } as unknown as Host;
    assert.equal(fileResponse(unreadable, dir, "/index.html", new Request("http://x/")), undefined);
  }));
