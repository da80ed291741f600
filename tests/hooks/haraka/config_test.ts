import assert from "node:assert/strict";
import { ConfigFace } from "../../../src/hooks/haraka/config.ts";
import { commonJs } from "../../../src/host/commonjs.ts";
import { pluginHost } from "../../kit/plugin_host.ts";
import { test } from "../../kit/test.ts";

function face(files: Record<string, string>) {
  const fake = pluginHost("own", { files });
  return { ...fake, config: new ConfigFace(fake.config, commonJs) };
}

test("ini files: sections, numbers, bare keys, arrays, and booleans with their defaults", () => {
  const { config } = face({
    "x.ini": "a=1\nb=2.5\nc=two; words\nbare\nd[]=1\nd[]=x\n[s]\non=Yes\noff=nope\n[t]\non=1\n",
  });
  const booleans = ["+main.up", "-down", "s.on", "s.off", "*.on", "+s.more"];
  assert.deepEqual(config.get("x.ini", { booleans }), {
    main: { a: 1, b: 2.5, c: "two; words", bare: undefined, d: [1, "x"], up: true, down: false },
    s: { on: true, off: false, more: true },
    t: { on: true },
  });
  assert.deepEqual(config.get("none.ini"), { main: {} });
});

test("the other kinds by ending or by word; what is missing is what it always was", () => {
  const { config } = face({
    "v": "# no\n 42 \n",
    "l": "a\n#b\n c\n",
    "d": "a\n#b\n",
    "j.json": '{"a":[1]}',
    "y.yaml": "a: 1\n",
    "j": '{"b":2}',
  });
  assert.equal(config.get("v"), 42);
  assert.deepEqual(config.get("l", "list"), ["a", "c"]);
  assert.deepEqual(config.get("d", "data"), ["a", "#b"]);
  assert.deepEqual(config.get("j.json"), { a: [1] });
  assert.deepEqual(config.get("y.yaml"), { a: 1 });
  assert.deepEqual(config.get("j", "json"), { b: 2 });
  assert.equal(String(config.get("d", "binary")), "a\n#b\n");
  assert.deepEqual(
    [config.get("no"), config.get("no", "list"), config.get("no", "data"), config.get("no.json"), config.get("no.pem")],
    [null, [], [], {}, null],
  );
  assert.equal(config.getInt("v", 1), 42);
  assert.equal(config.getInt("no", 7), 7);
  assert.throws(() => config.get("v", "odd"), /Cannot read v as odd; wanted one of/);
});

test("a callback that reads the file again, giving itself again, is called once for each change", () => {
  const { config, change } = face({ "x.ini": "a=1\n" });
  const seen: unknown[] = [];
  const load = () => {
    const { main } = config.get("x.ini", "ini", load) as { main: { a: number } };
    seen.push(main.a);
  };
  load();
  for (const a of [2, 3, 4]) change("x.ini", `a=${a}\n`);
  assert.deepEqual(seen, [1, 2, 3, 4]);
  config.close();
  change("x.ini", "a=5\n");
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test("directories, and another package's configuration", async () => {
  const { config, machine } = face({ "d/a": "1", "d/b": "2", "p.ini": "b=site\n" });
  const files = await config.getDir("d", {}) as { path: string; data: unknown }[];
  assert.deepEqual(files.map(({ path, data }) => [path.slice(-3), String(data)]), [["d/a", "1"], ["d/b", "2"]]);
  machine.host.mkdirSync("/pack/config", { recursive: true });
  machine.host.writeTextFileSync("/pack/config/p.ini", "a=pack\nb=pack\n");
  assert.deepEqual(config.module_config("/pack").get("p.ini"), { main: { a: "pack", b: "site" } });
});
