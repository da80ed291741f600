import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fetchPlugin, type FetchPluginOptions } from "../../src/hooks/fetch_plugin.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const MAIN = "https://plugins.test/dir/main.ts";

/** A web of modules: URL → source, or a response. */
function web(
  modules: { readonly [url: string]: string | (() => Response | Promise<Response>) },
  options: Partial<FetchPluginOptions> = {},
) {
  const { host, disk } = memoryMachine();
  const asked: string[] = [];
  const get = (async (url: URL, init: RequestInit) => {
    asked.push(url.href);
    assert.equal(init.redirect, "error");
    const found = modules[url.href];
    if (found === undefined) return new Response("no", { status: 404 });
    if (typeof found === "string") return new Response(found, { headers: { "content-type": "text/typescript" } });
    return await Promise.race([
      found(),
      new Promise<never>((_, reject) => init.signal!.addEventListener("abort", () => reject(init.signal!.reason))),
    ]);
  }) as unknown as typeof fetch;
  const run = (url = MAIN) => fetchPlugin(new URL(url), { host, cacheDir: "/cache", fetch: get, ...options });
  return { run, asked, disk };
}

test("a module and all it imports relatively are fetched once each and keep their places", async () => {
  const source =
    'import { a } from "./a.ts";\nexport * from "../b.ts";\nimport "kasi"; import x from "npm:y";\nawait import("./a.ts");\n';
  const { run, asked, disk } = web({
    [MAIN]: source,
    "https://plugins.test/dir/a.ts": 'export { c } from "./main.ts"',
    "https://plugins.test/b.ts": "export const b = 1;",
  });
  const { path, urls, sha256: hash } = await run();
  assert.deepEqual(asked, [MAIN, "https://plugins.test/dir/a.ts", "https://plugins.test/b.ts"]);
  assert.deepEqual(urls, asked);
  assert.match(path, /^\/cache\/\d+-\d+\/https\/plugins\.test\/dir\/main\.ts$/);
  const root = path.slice(0, -"dir/main.ts".length);
  const kept = [...disk.files.keys()].sort();
  assert.deepEqual(kept, [`${root}b.ts`, `${root}dir/a.ts`, `${root}dir/main.ts`]);
  assert.match(hash, /^[0-9a-f]{64}$/);
});

test("a pin holds what it says: of one module its SHA-256, of several that over their lines", async () => {
  assert.equal((await web({ [MAIN]: "export default 1" }).run()).sha256, sha256("export default 1"));
  await web({ [MAIN]: "export default 1" }, { sha256: sha256("export default 1").toUpperCase() }).run();
  await assert.rejects(
    web({ [MAIN]: "export default 2" }, { sha256: sha256("export default 1") }).run(),
    /main\.ts has SHA-256 .*; pinned: /,
  );
  const [main, a] = ['import "./a.ts"', "1"];
  const lines = `${sha256(main)}  ${MAIN}\n${sha256(a)}  https://plugins.test/dir/a.ts\n`;
  const many = await web({ [MAIN]: main, "https://plugins.test/dir/a.ts": a }).run();
  assert.equal(many.sha256, sha256(lines));
});

test("what is no module is refused by its URL: missing, a web page, too large, an import that cannot be pinned", async () => {
  const page = () => new Response("<html>", { headers: { "content-type": "text/html" } });
  const CASES: [Parameters<typeof web>[0], RegExp][] = [
    [{}, /Cannot fetch https:\/\/plugins\.test\/dir\/main\.ts: the server said 404/],
    [{ [MAIN]: page }, /got text\/html, not a module/],
    [{ [MAIN]: 'import "./gone.ts"' }, /dir\/gone\.ts: the server said 404/],
    [{ [MAIN]: "x".repeat(1001) }, /larger than a plugin may be/],
    [
      { [MAIN]: 'import "./a.ts";' + "x".repeat(600), "https://plugins.test/dir/a.ts": "y".repeat(600) },
      /a\.ts: larger/,
    ],
    [{ [MAIN]: 'import "https://elsewhere.test/x.ts"' }, /imports https:\/\/elsewhere\.test\/x\.ts; wanted: relative/],
    [{ [MAIN]: 'import "/etc/passwd.ts"' }, /imports \/etc\/passwd\.ts; wanted/],
    [{ [MAIN]: 'import "./a.ts?v=1"' }, /wanted: a module's file name/],
  ];
  for (const [modules, wanted] of CASES) await assert.rejects(web(modules, { maxBytes: 1000 }).run(), wanted);
});

test("a server that says nothing is given up after the deadline, or when the start is called off", async () => {
  const silent = { [MAIN]: () => new Promise<Response>(() => {}) };
  await assert.rejects(web(silent, { timeoutMs: 20 }).run(), /Cannot fetch .*main\.ts/);
  const stop = new AbortController();
  const pending = web(silent, { signal: stop.signal }).run();
  stop.abort(new Error("called off"));
  await assert.rejects(pending, /called off/);
});

test("an address without an ending is kept as TypeScript", async () => {
  const { run } = web({ "https://plugins.test:8080/x@1": "export default 1" });
  assert.match((await run("https://plugins.test:8080/x@1")).path, /\/https\/plugins\.test_8080\/x@1\.ts$/);
});

test("over plain http only what is pinned or of this machine is run", async () => {
  const source = "export default 1";
  const at = (url: string, sha256?: string) => web({ [url]: source }, sha256 === undefined ? {} : { sha256 }).run(url);
  await assert.rejects(at("http://plugins.test/x.ts"), /anybody on the way .* wanted: https:, or/);
  await assert.rejects(at("http://127.0.0.1.plugins.test/x.ts"), /anybody on the way/);
  const { sha256 } = await at("https://plugins.test/x.ts");
  await at("http://plugins.test/x.ts", sha256);
  await at("http://localhost:8080/x.ts");
  await at("http://127.0.0.1/x.ts");
  await at("http://[::1]:8080/x.ts");
});
