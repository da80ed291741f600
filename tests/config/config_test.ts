import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { fileShape } from "../../src/config/shape.ts";
import { test } from "../kit/test.ts";
import { site } from "./kit.ts";

const SHAPE = fileShape({
  file: "x.ini",
  about: "For tests.",
  shape: { main: { a: { type: "integer", default: 1, about: "." }, b: { type: "text", default: "", about: "." } } },
});

test("[row 33] every kind of file is read by name; a missing json falls back to hjson, then yaml; an unknown kind throws", async () => {
  const { config } = site({
    "site/v": "# c\n\n  first \nsecond\n",
    "site/l": "# c\n one \n\n;x\ntwo\n",
    "site/d": "# c\n one \n\n",
    "site/x.ini": "a=2\n",
    "site/j.json": '{"a":[1]}',
    "site/h.hjson": "{\n  # note\n  a: text\n}",
    "site/y.yaml": "a: 1\n",
    "site/old.yaml": "from: yaml\n",
    "site/b.pem": "\u0001\u0002",
  });
  assert.equal((await config.value("v")).value, "first");
  assert.deepEqual((await config.list("l")).value, ["one", "two"]);
  assert.deepEqual((await config.data("d")).value, ["# c", " one ", ""]);
  assert.deepEqual((await config.ini(SHAPE)).value, { main: { a: 2, b: "" } });
  assert.deepEqual((await config.tree("j.json")).value, { a: [1] });
  assert.deepEqual((await config.tree("h.json")).value, { a: "text" });
  assert.deepEqual((await config.tree("y.yaml")).value, { a: 1 });
  assert.deepEqual((await config.tree("old.json")).value, { from: "yaml" });
  assert.deepEqual((await config.binary("b.pem")).value, new Uint8Array([1, 2]));
  await assert.rejects(config.tree("x.toml"), TypeError);
  config.close();
});

test("[row 40] a missing file gives the empty value of its kind", async () => {
  const { config } = site();
  assert.equal((await config.value("no")).value, undefined);
  assert.deepEqual((await config.list("no")).value, []);
  assert.deepEqual((await config.data("no")).value, []);
  assert.deepEqual((await config.ini(SHAPE)).value, { main: { a: 1, b: "" } });
  assert.deepEqual((await config.tree("no.json")).value, {});
  assert.equal((await config.binary("no.pem")).value, undefined);
  config.close();
});

test("[row 41] defaults lie under the site's files, key by key for ini and json", async () => {
  const { config } = site({
    "defaults/x.ini": "a=5\nb=default\n",
    "site/x.ini": "b=site\n",
    "defaults/t.json": '{"a":{"x":1,"y":2},"keep":1,"no":2}',
    "site/t.json": '{"a":{"y":3},"no":null,"__proto__":{"polluted":1}}',
  });
  assert.deepEqual((await config.ini(SHAPE)).value.main, { a: 5, b: "site" });
  assert.deepEqual((await config.tree("t.json")).value, { a: { x: 1, y: 3 }, keep: 1, no: 2 });
  config.close();
});

test("[row 42] a list, a value or a binary replaces its default wholly; an empty one does not", async () => {
  const { config } = site({
    "defaults/l": "a\nb\n",
    "site/l": "c\n",
    "defaults/v": "a\n",
    "site/v": "b\n",
    "defaults/p.bin": "aaaa",
    "site/p.bin": "b",
    "defaults/e": "a\n",
    "site/e": "# nothing\n",
  });
  assert.deepEqual((await config.list("l")).value, ["c"]);
  assert.equal((await config.value("v")).value, "b");
  assert.deepEqual((await config.binary("p.bin")).value, new Uint8Array([98]));
  assert.deepEqual((await config.list("e")).value, ["a"]);
  config.close();
});

test("what a try-out is given is not given to a site that does not say it", async () => {
  const { config } = site({
    "defaults/plugins": "relay\n",
    "defaults/host_list": "localhost\n",
    "defaults/relay_acl_allow": "127.0.0.1/32\n",
  });
  for (const name of ["plugins", "host_list", "relay_acl_allow"]) assert.deepEqual((await config.list(name)).value, []);
  config.close();
});

test("smtp.json replaces other files by !name, live", async () => {
  const { config, clock, write, remove, log } = site({
    "site/smtp.json": '{"!x.ini":{"main":{"a":42}},"!l":["from json"],"!v":"text"}',
    "site/x.ini": "a=2\nb=site\n",
    "site/l": "file\n",
  });
  const ini = await config.ini(SHAPE);
  assert.deepEqual(ini.value.main, { a: 42, b: "" });
  assert.deepEqual((await config.list("l")).value, ["from json"]);
  assert.equal((await config.value("v")).value, "text");
  assert.match(log.text(), /Overriding file x\.ini with config from \/site\/smtp\.json/);
  write("site/smtp.json", '{"!x.ini":{"main":{"a":43}}}');
  await clock.advance(5_000);
  assert.equal(ini.value.main.a, 43);
  remove("site/smtp.json");
  await clock.advance(5_000);
  assert.deepEqual(ini.value.main, { a: 2, b: "site" });
  config.close();
});

test("a file is read again after 5 s of quiet, and its readers are told", async () => {
  const { config, clock, write, log } = site({ "site/x.ini": "a=2\n" });
  const ini = await config.ini(SHAPE);
  const told: number[] = [];
  const end = ini.onChange((value) => told.push(value.main.a));
  write("site/x.ini", "a=3\n");
  await clock.advance(3_000);
  write("site/x.ini", "a=4\n");
  await clock.advance(4_999);
  assert.deepEqual([ini.value.main.a, told], [2, []]);
  await clock.advance(1);
  assert.deepEqual([ini.value.main.a, told], [4, [4]]);
  assert.deepEqual(log.of("config_reloaded"), [{ file: "/site/x.ini" }]);
  end();
  write("site/x.ini", "a=5\n");
  await clock.advance(5_000);
  assert.deepEqual([ini.value.main.a, told], [5, [4]]);
  config.close();
  write("site/x.ini", "a=6\n");
  await clock.advance(60_000);
  assert.equal(ini.value.main.a, 5);
  assert.equal(clock.pending, 0);
});

test("a file that was absent is picked up when it is created, and let go of when it is removed", async () => {
  const { config, clock, write, remove } = site();
  const list = await config.list("later");
  write("site/later", "one\n");
  await clock.advance(5_000);
  assert.deepEqual(list.value, ["one"]);
  remove("site/later");
  await clock.advance(5_000);
  assert.deepEqual(list.value, []);
  config.close();
});

test("[row 47] a reader that wants no watching is not told", async () => {
  const { config, clock, write } = site({ "site/x.ini": "a=2\n", "site/l": "a\n" });
  const ini = await config.ini(SHAPE, { watch: false });
  const list = await config.list("l", { watch: false });
  ini.onChange(() => assert.fail("told"));
  write("site/x.ini", "a=3\n");
  write("site/l", "b\n");
  await clock.advance(60_000);
  assert.deepEqual([ini.value.main.a, list.value], [2, ["a"]]);
  config.close();
});

test("[row 48] what cannot be understood keeps the last good value, and is told once", async () => {
  const { config, clock, write, log } = site({ "site/x.ini": "a=2\n", "site/t.json": '{"a":1}' });
  const [ini, tree] = [await config.ini(SHAPE), await config.tree("t.json")];
  write("site/x.ini", "\na=two\n");
  write("site/t.json", '{"a":');
  await clock.advance(5_000);
  assert.deepEqual([ini.value.main.a, tree.value], [2, { a: 1 }]);
  const faults = log.of("config_fault");
  assert.equal(faults.length, 2);
  assert.ok(
    faults.some(({ reason }) => reason === '/site/x.ini:2: [main] a: current value is "two"; wanted: an integer'),
  );
  config.reload();
  assert.equal(log.of("config_fault").length, 2);
  write("site/t.json", '{"a":2}');
  await clock.advance(5_000);
  assert.deepEqual(tree.value, { a: 2 });
  config.close();
});

test("at the start a wrong value or a file that is not well-formed stops it, with file and line", async () => {
  const { config } = site({ "site/x.ini": "b=1\na=two\n", "site/t.json": "{", "site/u.yaml": "a: [1\nb: }" });
  await assert.rejects(
    config.ini(SHAPE),
    (reason) => reason instanceof ConfigError && reason.fault.file === "/site/x.ini" && reason.fault.line === 2,
  );
  for (const name of ["t.json", "u.yaml"]) {
    await assert.rejects(
      config.tree(name),
      (reason) => reason instanceof ConfigError && reason.fault.file === `/site/${name}`,
    );
  }
  config.close();
});

test("an unknown name is logged and told, and does not stop the start", async () => {
  const { config, faults, log } = site({ "site/x.ini": "aa=1\n" });
  assert.equal((await config.ini(SHAPE)).value.main.a, 1);
  assert.deepEqual(faults.map(({ line, nearest }) => [line, nearest]), [[1, undefined]]);
  assert.deepEqual([log.of("config_passed_over").length, log.of("config_fault").length], [1, 0]);
  config.close();
});

test("[row 49] getInt reads a number; directory gives every file below, anew after 2 s of quiet", async () => {
  const { config, clock, write, faults } = site({
    "site/n": "12\n",
    "site/w": "x\n",
    "site/tls/b.pem": "B",
    "site/tls/sub/a.pem": "A",
  });
  assert.deepEqual([await config.getInt("n", 1), await config.getInt("none", 7), await config.getInt("w", 8)], [
    12,
    7,
    8,
  ]);
  assert.equal(faults.length, 1);
  const tls = await config.directory("tls");
  const names = () => tls.value.map(({ path, data }) => [path, new TextDecoder().decode(data)]);
  assert.deepEqual(names(), [["/site/tls/b.pem", "B"], ["/site/tls/sub/a.pem", "A"]]);
  let told = 0;
  tls.onChange(() => void told++);
  write("site/tls/c.pem", "C");
  await clock.advance(2_000);
  assert.deepEqual([names().length, told], [3, 1]);
  assert.deepEqual((await config.directory("none")).value, []);
  config.close();
});

test("[row 50] a package has its own defaults, and the site's files over them", async () => {
  const { config, write } = site();
  write("package/config/x.ini", "a=5\nb=package\n");
  write("home/config/x.ini", "b=site\n");
  assert.deepEqual((await config.moduleConfig("/package", "/home").ini(SHAPE)).value.main, { a: 5, b: "site" });
  config.close();
});

test("a relative name does not lead out of the directory, an absolute one does", async () => {
  const { config, write } = site();
  write("elsewhere", "yes\n");
  for (const name of ["../elsewhere", "a/../../elsewhere", "..", ""]) {
    await assert.rejects(config.value(name), ConfigError, name);
  }
  assert.equal((await config.value("/elsewhere")).value, "yes");
  assert.equal(config.path("tls/../me"), "/site/me");
  config.close();
});

test("a listener that throws does not keep the others from hearing", async () => {
  const { config, write, log } = site({ "site/l": "a\n" }, { watch: false });
  const list = await config.list("l");
  const told: unknown[] = [];
  list.onChange(() => {
    throw new Error("broken listener");
  });
  list.onChange((value) => told.push(value));
  write("site/l", "b\n");
  config.reload();
  assert.deepEqual(told, [["b"]]);
  assert.equal(log.of("config_fault")[0]?.reason, "broken listener");
  config.close();
});
