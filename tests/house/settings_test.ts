/** Settings, manuals and shipped files agree: `KASI_WRITE=1` writes the pages of `docs/config/`. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isOpen } from "../../src/config/apply_shape.ts";
import { checkSite } from "../../src/config/check.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { CORE_FILES } from "../../src/config/files/core_files.ts";
import { renderManual } from "../../src/config/manual.ts";
import { mergeShapes } from "../../src/config/merge_shapes.ts";
import type { FileShape } from "../../src/config/shape.ts";
import { SHIPPED } from "../../plugins/shipped.ts";
import { site } from "../config/kit.ts";
import { test } from "../kit/test.ts";
import { ROOT } from "./source_files.ts";

async function allShapes(): Promise<readonly FileShape[]> {
  const shapes = [...CORE_FILES];
  for (const load of Object.values(SHIPPED)) {
    const { default: plugin } = await load() as { default?: { files?: readonly FileShape[] } };
    shapes.push(...plugin?.files ?? []);
  }
  return [...mergeShapes(shapes).values()];
}

test("every settings file has its page in docs/config, as its shape says", async () => {
  const write = process.env["KASI_WRITE"] === "1";
  for (const shape of await allShapes()) {
    const path = `${ROOT}docs/config/${shape.file}.md`;
    const page = renderManual(shape);
    if (write) {
      mkdirSync(`${ROOT}docs/config`, { recursive: true });
      writeFileSync(path, page);
    }
    assert.ok(existsSync(path), `${path} is missing: run with KASI_WRITE=1`);
    assert.equal(readFileSync(path, "utf8"), page, `${path} is out of date: run with KASI_WRITE=1`);
  }
});

test("every shipped ini file mentions every setting of its shape, and the core's are all there", async () => {
  for (const shape of await allShapes()) {
    const path = `${ROOT}config/${shape.file}`;
    if (!existsSync(path)) {
      assert.ok(!CORE_FILES.some(({ file }) => file === shape.file), `${path} is missing`);
      continue;
    }
    const text = readFileSync(path, "utf8");
    for (const section of Object.values(shape.shape)) {
      for (const key of isOpen(section) ? [] : Object.keys(section)) {
        assert.match(text, new RegExp(`(^|[\\s;])${key}([=,.]|$)`, "m"), `${path} does not mention ${key}`);
      }
    }
  }
});

test("the shipped configuration has no fault, and listens on this machine only", async () => {
  const names = [
    "smtp.ini",
    "connection.ini",
    "outbound.ini",
    "outbound.sites.ini",
    "tls.ini",
    "plugins.ini",
    "log.ini",
    "http.ini",
    "results.ini",
    "net-utils.ini",
    "plugins",
    "relay.ini",
  ];
  const files = Object.fromEntries(
    names.map((name) => [`site/${name}`, readFileSync(`${ROOT}config/${name}`, "utf8")]),
  );
  const { config } = site(files, { watch: false });
  assert.deepEqual(await checkSite(config, await allShapes()), []);
  const core = await loadCoreSettings(config);
  assert.deepEqual(core.server.value.listen, [{ kind: "tcp", host: "127.0.0.1", port: 2525 }, {
    kind: "tcp",
    host: "::1",
    port: 2525,
  }]);
  assert.deepEqual([core.server.value.nodes, core.plugins.value.names.includes("relay")], [0, true]);
  core.close();
});
