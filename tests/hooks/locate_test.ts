import assert from "node:assert/strict";
import { fileUrl, locate } from "../../src/hooks/locate.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

function site(...files: (string | [string, string])[]) {
  const { host } = memoryMachine();
  for (const file of files) {
    const [path, text] = typeof file === "string" ? [file, ""] : file;
    host.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    host.writeTextFileSync(path, text);
  }
  return { host, siteDir: "/site", isShipped: (name: string) => name === "relay" || name === "queue/maildir" };
}

test("a bare name is looked for in the site's plugins, then its packages, then among the shipped ones", () => {
  const pkg: [string, string] = ["/site/node_modules/haraka-plugin-relay/package.json", '{"main": "./lib/main.js"}'];
  const main = "/site/node_modules/haraka-plugin-relay/lib/main.js";
  const all = [
    "/site/plugins/relay.ts",
    "/site/plugins/relay.js",
    "/site/plugins/relay.mjs",
    "/site/plugins/relay/mod.ts",
  ];
  for (let i = 0; i <= all.length; i++) {
    const found = locate("relay", site(...all.slice(i), pkg, main));
    const packaged = { packageDir: "/site/node_modules/haraka-plugin-relay", packageType: undefined };
    const file = all[i];
    assert.deepEqual(found, {
      kind: "module",
      url: `file://${file ?? main}`,
      from: file ?? main,
      ...(file ? {} : packaged),
    });
  }
  assert.deepEqual(locate("relay", site()), { kind: "shipped", name: "relay" });
  assert.deepEqual(locate("queue/maildir", site()), { kind: "shipped", name: "queue/maildir" });
  assert.deepEqual(locate("queue/mine", site("/site/plugins/queue/mine.ts"))?.kind, "module");
  assert.equal(locate("nowhere", site()), undefined);
});

test("a package's main module is found by exports, module, main, or is index.js", () => {
  const cases: [string, string][] = [
    ['{"exports": "./a.js"}', "a.js"],
    ['{"exports": {".": {"import": "./b.mjs", "require": "./b.cjs"}}, "main": "no.js"}', "b.mjs"],
    ['{"module": "c.mjs", "main": "no.js"}', "c.mjs"],
    ['{"main": "d"}', "d.js"],
    ["{}", "index.js"],
  ];
  for (const [text, main] of cases) {
    const found = locate("x", site(["/site/node_modules/x/package.json", text], `/site/node_modules/x/${main}`));
    assert.equal(found?.kind === "module" && found.from, `/site/node_modules/x/${main}`);
  }
  assert.throws(() => locate("x", site(["/site/node_modules/x/package.json", "{"])), SyntaxError);
});

test("a name cannot climb out of the site directory", () => {
  assert.equal(locate("a/../../etc/x", site("/etc/x.ts")), undefined);
});

test("paths are meant from the site directory on, with or without their ending; URLs are taken as they are", () => {
  const blank = locate("../site/mine/a b.ts", site("/site/mine/a b.ts"));
  assert.deepEqual(blank, { kind: "module", url: "file:///site/mine/a%20b.ts", from: "/site/mine/a b.ts" });
  const plain = site("/site/mine/x.ts", "/opt/y.js");
  for (const path of ["./mine/x.ts", "./mine/x"]) {
    assert.deepEqual(locate(path, plain), { kind: "module", url: "file:///site/mine/x.ts", from: "/site/mine/x.ts" });
  }
  assert.deepEqual(locate("/opt/y", plain), { kind: "module", url: "file:///opt/y.js", from: "/opt/y.js" });
  assert.equal(locate("/opt/z", plain), undefined);
  for (const url of ["file:///opt/y.js", "npm:some-plugin@1", "jsr:@some/plugin"]) {
    assert.deepEqual(locate(url, plain), { kind: "module", url, from: url });
  }
  assert.equal(locate("data:text/javascript,export default 1", plain)?.kind, "module");
  assert.deepEqual(locate("https://example.com/p.ts", plain), {
    kind: "remote",
    url: new URL("https://example.com/p.ts"),
  });
});

test("a path becomes a URL whatever stands in it", () => {
  assert.equal(fileUrl("/a b/c#d?e%f.ts"), "file:///a%20b/c%23d%3Fe%25f.ts");
});

test("the places, in their order: site plugin, site npm, beside the site, site package, shipped, the program's npm [row 70]", () => {
  const packages = [
    "/site/node_modules/haraka-plugin-relay",
    "/haraka-plugin-relay",
    "/site/plugins/relay",
    "/site/node_modules/relay",
  ];
  const files = (dirs: readonly string[]) =>
    dirs.flatMap((dir) => [[`${dir}/package.json`, "{}"] as [string, string], `${dir}/index.js`]);
  const from = (...present: (string | [string, string])[]) => {
    const found = locate("relay", { ...site(...present), programDir: "/kasi" });
    return found?.kind === "module" ? found.from : found?.kind;
  };
  assert.equal(from("/site/plugins/relay.js", ...files(packages)), "/site/plugins/relay.js");
  for (let i = 0; i < packages.length; i++) assert.equal(from(...files(packages.slice(i))), `${packages[i]}/index.js`);
  const own = files(["/kasi/node_modules/haraka-plugin-relay"]);
  assert.equal(from(...own), "shipped");
  const other = locate("relay", { ...site(...own), isShipped: () => false, programDir: "/kasi" });
  assert.equal(other?.kind === "module" && other.from, "/kasi/node_modules/haraka-plugin-relay/index.js");
});
