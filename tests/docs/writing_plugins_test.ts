/**
 * docs/writing-plugins.md, followed to the letter: its commands give what it says, its files are those that `kasi plugin new` makes, its tests are green, its
 * program serves, and a plugin comes from a URL, with a pin.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { runCommandLine } from "../../src/cli/main.ts";
import { thisMachine } from "../../src/host/machine.ts";
import { ROOT } from "../house/source_files.ts";
import { talkTo } from "./talk_to.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";
import { isModule, snippetsOf } from "./snippets.ts";

const PAGE = "docs/writing-plugins.md";
const snippets = snippetsOf(PAGE);
const page = readFileSync(ROOT + PAGE, "utf8");
/** The states of a file in the page, in order. */
const states = (file: string) => snippets.filter((snippet) => snippet.file === file).map(({ text }) => text);

/** Runs `kasi` in this process, as it would run in `dir`; gives its exit code and what it printed. */
async function kasi(dir: string, line: string): Promise<{ code: number; said: string }> {
  const real = await thisMachine();
  let said = "";
  const out = {
    writeSync: (octets: Uint8Array) => (said += new TextDecoder().decode(octets), octets.length),
    isTerminal: () => false,
  };
  const host = { ...real.host, stdout: out, stderr: out } as typeof real.host;
  const before = process.cwd();
  process.chdir(dir);
  try {
    return { code: await runCommandLine(line.split(" "), { ...real, host, resolver: zone() }), said };
  } finally {
    process.chdir(before);
  }
}

async function inDir(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "kasi-newcomer-"));
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Puts the page's files into a site, each in its last state. */
function writeFiles(site: string): void {
  for (const { file, text } of snippets) {
    const path = join(site, file!);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

test("every TypeScript snippet of the page is a file, and a module", () => {
  for (const snippet of snippets) {
    assert.ok(snippet.file !== undefined && isModule(snippet), snippet.text);
  }
});

test(
  "the page's first steps: a site, a plugin, a trial; what it shows is what there is",
  { timeoutMs: 120_000 },
  async () => {
    await inDir(async (dir) => {
      const lines = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, text]) => text!.trim().split("\n"));
      assert.equal(lines.length, 3);
      let last = { code: 0, said: "" };
      for (const line of lines) {
        assert.match(line, /^kasi /);
        last = await kasi(dir, line.slice("kasi ".length));
        if (last.code !== 0) break;
      }
      assert.equal(last.code, 1, last.said);
      const [shown] = [...page.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text]) => text!.trim().split("\n"));
      const plain = (text: string) => text.replace(/\([\d.]+ ms\)/g, "(…)");
      for (const line of shown!) assert.ok(plain(last.said).includes(plain(line)), `${line}\n\n${last.said}`);

      const made = (file: string) => readFileSync(join(dir, "site", file), "utf8");
      assert.equal(made("plugins/nobody.ts"), states("plugins/nobody.ts")[0]);
      const tests = states("tests/nobody_test.ts")[0]!;
      assert.equal(tests.slice(0, made("tests/nobody_test.ts").length), made("tests/nobody_test.ts"));
    });
  },
);

test("the page's tests are green, of the plugins as they stand in the end", { timeoutMs: 120_000 }, async () => {
  await inDir(async (site) => {
    writeFiles(site);
    writeFileSync(join(site, "tests/count_nobodies_test.ts"), COUNT_TEST);
    const args = ["test", "-A", "--no-check", "--config", join(ROOT, "deno.json"), join(site, "tests")];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: site,
      env: { NO_COLOR: "1" },
    })
      .output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.equal(code, 0, said);
    assert.match(said, /5 passed \| 0 failed/);
  });
});

/** The page's hook of one's own, asked by somebody else. */
const COUNT_TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import plugin, { count } from "../plugins/count_nobodies.ts";

test("a hook of one's own is called like any other", () => {
  plugin.hooks["nobody:seen"]();
  assert.equal(count(), 1);
});
`;

test(
  "the page's program serves with its plugins; a plugin from a URL does what the file does, with the right pin only",
  { timeoutMs: 120_000 },
  async () => {
    // Within the house, so that the import map of these tests holds for the page's files.
    mkdirSync(join(ROOT, "data"), { recursive: true });
    const dir = mkdtempSync(join(ROOT, "data", "newcomer-"));
    const source = states("plugins/nobody.ts")[0]!;
    const web = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response(source));
    const url = `http://127.0.0.1:${web.addr.port}/nobody.ts`;
    try {
      cpSync(join(ROOT, "config"), join(dir, "config"), { recursive: true });
      writeFileSync(join(dir, "config/nobody.ini"), /```ini\n(local_parts[^`]*)```/.exec(page)![1]!);
      writeFiles(dir);
      const { start } = await import(`file://${join(dir, "program.ts")}`);
      const { server, taken } = await start(dir);
      const said = await talkTo(server.addresses[0], [
        "EHLO me",
        "MAIL FROM:<a@example.com>",
        "RCPT TO:<noreply@localhost>",
        "RCPT TO:<ann@localhost>",
        "DATA",
        "Subject: Hello\r\n\r\nHello.\r\n.",
        "QUIT",
      ]);
      await server.stop();
      assert.deepEqual(said.map((line) => line.slice(0, 3)), ["220", "250", "250", "550", "250", "354", "250", "221"]);
      assert.deepEqual(taken, ["Hello"]);

      const hash = createHash("sha256").update(source).digest("hex");
      const trial = `-c ${dir} -t ${url} --envrcpt nobody@example.com`;
      const pin = (sha256: string) => writeFileSync(join(dir, "config/plugins.ini"), `[sha256]\n${url} = ${sha256}\n`);
      pin(hash);
      assert.match((await kasi(dir, trial)).said, /S: 550 5\.1\.1 Nobody reads mail here/);
      pin("0".repeat(64));
      const refused = await kasi(dir, trial);
      assert.ok(refused.said.includes(`has SHA-256 ${hash}; pinned: 000`), refused.said);
      assert.ok(refused.code !== 0 && !refused.said.includes("S: 550"), refused.said);
    } finally {
      await web.shutdown();
      rmSync(dir, { recursive: true, force: true });
    }
  },
);
