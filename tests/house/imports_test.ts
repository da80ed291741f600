/** The import table of the house (CONTRIBUTING, "The map") as data, checked against every import there is. */
import assert from "node:assert/strict";
import { test } from "../kit/test.ts";
import { importsOf, readSource, resolveImport, sourceFiles } from "./source_files.ts";

/** Room → rooms (or single files) it may import besides itself. `packages`: bare specifiers it may name. */
const TABLE: { readonly [room: string]: { readonly rooms: readonly string[]; readonly packages: readonly string[] } } =
  {
    base: { rooms: [], packages: ["ipaddr.js", "tldts"] },
    archive: { rooms: ["base", "src/host/types.ts"], packages: ["fflate"] },
    wire: { rooms: ["base"], packages: ["address-rfc2821"] },
    mail: {
      rooms: [
        "base",
        "src/wire/path.ts",
        "src/wire/xtext.ts",
        "src/wire/status.ts",
        "src/wire/base64.ts",
        "src/wire/data.ts",
      ],
      packages: ["tldts"],
    },
    host: {
      rooms: ["base"],
      packages: [
        "node:",
        "dns-packet",
        "@peculiar/x509",
        "reflect-metadata",
        "ipaddr.js",
        "ws",
        "@redis/client",
        "hash-wasm",
        "maxmind",
      ],
    },
    config: {
      rooms: ["base", "src/host/types.ts", "src/log/types.ts", "src/log/events.ts", "src/log/level.ts"],
      packages: ["@std/ini", "yaml", "hjson"],
    },
    log: { rooms: ["base", "src/host/types.ts"], packages: ["@std/log"] },
    mailauth: { rooms: ["base", "mail", "src/host/types.ts"], packages: ["mailauth"] },
    hooks: { rooms: ["base", "wire", "mail", "log", "config", "src/host/types.ts"], packages: [] },
    session: { rooms: ["base", "wire", "mail", "log", "config", "hooks", "src/host/types.ts"], packages: [] },
    queue: { rooms: ["base", "mail", "src/wire/reply.ts", "log", "hooks", "src/host/types.ts"], packages: [] },
    delivery: {
      rooms: ["base", "wire", "mail", "log", "hooks", "src/host/types.ts", "src/queue/courier.ts"],
      packages: [],
    },
    http: { rooms: ["log", "config", "hooks", "src/host/types.ts"], packages: [] },
    cli: { rooms: ["*"], packages: [] },
    std: { rooms: [], packages: [] },
  };

const roomOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1];

function allowed(from: string, to: string): boolean {
  const room = roomOf(from);
  if (from === "src/server.ts" || from === "mod.ts" || room === "cli" || from.startsWith("src/server/")) return true;
  const row = TABLE[room ?? ""];
  if (row === undefined) return false;
  const target = roomOf(to);
  if (to.startsWith("src/")) {
    return target === room || row.rooms.includes(to) || (target !== undefined && row.rooms.includes(target));
  }
  return row.packages.some((name) =>
    to === name || (name.endsWith(":") ? to.startsWith(name) : to.startsWith(name + "/"))
  );
}

test("every import in src/ is in the import table", () => {
  const wrong: string[] = [];
  for (const file of sourceFiles("src")) {
    for (const specifier of importsOf(readSource(file))) {
      const to = resolveImport(file, specifier);
      if (!allowed(file, to)) wrong.push(`${file} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("plugins import only kasi and one another", () => {
  const wrong: string[] = [];
  for (const file of sourceFiles("plugins")) {
    for (const specifier of importsOf(readSource(file))) {
      const to = resolveImport(file, specifier);
      if (to !== "kasi" && !to.startsWith("plugins/")) wrong.push(`${file} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("only the host room names a runtime", () => {
  const wrong: string[] = [];
  const runtime = /\bDeno\.|\bprocess\.(?:env|exit|argv|on|pid|cwd)\b|\bBuffer\.|["']node:/;
  for (const file of sourceFiles("src", "plugins", "mod.ts")) {
    if (file.startsWith("src/host/") || file.startsWith("src/std/")) continue;
    const code = readSource(file).replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
    const hit = runtime.exec(code);
    if (hit) wrong.push(`${file}: ${hit[0]}`);
  }
  assert.deepEqual(wrong, []);
});

test("imports carry their file ending, and no room has a barrel", () => {
  const wrong: string[] = [];
  for (const file of sourceFiles("src", "plugins", "mod.ts", "tests")) {
    if (roomOf(file) !== undefined && /\/(mod|index)\.ts$/.test(file) && !file.startsWith("src/std/")) {
      wrong.push(`${file} is a barrel`);
    }
    for (const specifier of importsOf(readSource(file))) {
      if (specifier.startsWith(".") && !/\.(ts|mjs|json)$/.test(specifier)) wrong.push(`${file} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("the import reader sees static, dynamic, side-effect and re-exporting imports, and no comments", () => {
  const source = [
    'import { a } from "./a.ts";',
    'import "./b.ts";',
    'export * from "./c.ts";',
    'const d = await import("./d.ts");',
    '// import "./no.ts";',
    '/* import x from "./no.ts"; */',
    'import type {\n  E,\n} from "./e.ts";',
  ].join("\n");
  assert.deepEqual(importsOf(source).sort(), ["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts"]);
});
