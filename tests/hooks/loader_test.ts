import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { type LoaderOptions, loadPlugins, PluginError } from "../../src/hooks/loader.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

const named = (name: string) => async () => ({ default: { name, hooks: {} } });
const data = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;

function bench(options: Partial<LoaderOptions> = {}) {
  const memory = memoryLog();
  const { host } = memoryMachine();
  const shipped = { relay: named("relay"), "dns-list": named("dns-list"), "queue/maildir": named("queue/maildir") };
  const load = (...listed: string[]) =>
    loadPlugins(listed, { host, log: memory.log, shipped, cacheDir: "/cache", ...options });
  return { memory, load };
}

test("shipped plugins load by name, with and without the prefix, in the order they are listed [row 71]", async () => {
  const { load } = bench();
  const loaded = await load("queue/maildir", "haraka-plugin-relay");
  assert.deepEqual(loaded.map(({ name, from, plugin }) => [name, from, plugin.name]), [
    ["queue/maildir", "shipped", "queue/maildir"],
    ["relay", "shipped", "relay"],
  ]);
  assert.deepEqual((await load("relay")).map(({ name }) => name), ["relay"]);
});

test("a retired name loads its successor with a notice, and only once [row 72]", async () => {
  const { load, memory } = bench();
  assert.deepEqual((await load("backscatterer", "dnsbl")).map(({ name }) => name), ["dns-list"]);
  assert.deepEqual(memory.items.map(({ level, message }) => [level, message]), [
    ["NOTICE", "backscatterer has been replaced by 'dns-list'. Please update config/plugins"],
    ["NOTICE", "dnsbl has been replaced by 'dns-list'. Please update config/plugins"],
  ]);
});

test("data: URLs load, and their default export is the plugin", async () => {
  const url = data('export default { name: "inline", hooks: { noop() {} } }');
  const [loaded] = await bench().load(url);
  assert.equal(loaded!.plugin.name, "inline");
  assert.equal(typeof loaded!.plugin.hooks!.noop, "function");
});

test("a plugin that is missing, throws, does not parse or has another shape stops the start with its name", async () => {
  const CASES: [string, RegExp][] = [
    ["nowhere", /Loading plugin nowhere failed: there is no such plugin; wanted/],
    ["./nowhere.ts", /Loading plugin \.\/nowhere\.ts failed: there is no such plugin/],
    [data("throw new Error('boom at load')"), /Loading plugin data:.* failed: boom at load/],
    [data("export default {"), /Loading plugin data:.* failed/],
    [data("export function register() {}"), /failed: the module exports register; wanted one of the known shapes/],
  ];
  for (const [name, wanted] of CASES) {
    await assert.rejects(bench().load("relay", name), (error) => {
      assert.ok(error instanceof PluginError);
      assert.equal(error.plugin, name);
      assert.match(error.message, wanted);
      return true;
    });
    const lax = bench({ ignoreBad: true });
    assert.deepEqual((await lax.load(name, "relay")).map(({ name }) => name), ["relay"]);
    assert.equal(lax.memory.items[0]!.level, "CRIT");
    assert.match(lax.memory.text(), wanted);
  }
});

test("a plugin from the network is fetched to disk, held to its pin, and imported with its modules", async () => {
  const cacheDir = mkdtempSync(`${tmpdir()}/kasi-loader-`);
  try {
    const url = "https://plugins.test/remote/plugin.js";
    const modules: { [url: string]: string } = {
      [url]: 'import { name } from "./name.js"; export default { name, hooks: {} };',
      "https://plugins.test/remote/name.js": 'export const name = "remote";',
    };
    const get = (async (url: URL) => new Response(modules[url.href])) as unknown as typeof fetch;
    const host = { ...memoryMachine().host, mkdirSync, writeFileSync } as unknown as LoaderOptions["host"];
    const { load, memory } = bench({ host, cacheDir, fetch: get });
    const [loaded] = await load(url);
    assert.deepEqual([loaded!.name, loaded!.from, loaded!.plugin.name], [url, url, "remote"]);
    const hash = /SHA-256 ([0-9a-f]{64}) \(not pinned\)/.exec(memory.text())![1]!;
    assert.equal((await bench({ host, cacheDir, fetch: get, pins: { [url]: hash } }).load(url)).length, 1);
    modules["https://plugins.test/remote/name.js"] += " ";
    await assert.rejects(bench({ host, cacheDir, fetch: get, pins: { [url]: hash } }).load(url), /pinned: /);
  } finally {
    rmSync(cacheDir, { recursive: true });
  }
});

test("a site's own file wins over a shipped plugin of the same name", async () => {
  const siteDir = mkdtempSync(`${tmpdir()}/kasi-site-`);
  try {
    mkdirSync(`${siteDir}/plugins`);
    writeFileSync(`${siteDir}/plugins/relay.mjs`, 'export default { name: "mine", hooks: {} };');
    const { host } = memoryMachine();
    host.mkdirSync(`${siteDir}/plugins`, { recursive: true });
    host.writeTextFileSync(`${siteDir}/plugins/relay.mjs`, "");
    const [loaded] = await bench({ host, siteDir }).load("relay");
    assert.deepEqual([loaded!.plugin.name, loaded!.from], ["mine", `${siteDir}/plugins/relay.mjs`]);
  } finally {
    rmSync(siteDir, { recursive: true });
  }
});
