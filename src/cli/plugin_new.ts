/**
 * `kasi plugin new NAME` (`-p NAME`): a plugin in the site directory with its page and its test, which is green as it is. Existing files are kept,
 * with a word on standard error, unless `-f` is given.
 */
import { exists } from "../host/exists.ts";
import type { Machine } from "../host/types.ts";
import { findSite, shippedPath } from "../server/site.ts";
import type { Terminal } from "./terminal.ts";

const NAME = /^[a-z0-9][\w-]*(?:\.[\w-]+)*(?:\/[a-z0-9][\w-]*(?:\.[\w-]+)*)*$/i;

export function pluginNew(
  action: { readonly name: string; readonly force: boolean; readonly site?: string },
  { machine: { host }, out }: { machine: Machine; out: Terminal },
): number {
  const { name } = action;
  if (!NAME.test(name)) {
    throw new Error(`No name for a plugin: ${name}; wanted: letters, digits, and . _ - / between them`);
  }
  const { dir } = findSite(host, action.site);
  const files = {
    [`plugins/${name}.ts`]: module(name),
    [`docs/plugins/${name}.md`]: page(name),
    [`tests/${name}_test.ts`]: test(name),
  };
  for (const [file, text] of Object.entries(files)) {
    const path = `${dir}/${file}`;
    if (!action.force && exists(host, path)) {
      out.complain(`EEXIST, File exists '${path}'`);
      continue;
    }
    host.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    host.writeTextFileSync(path, text);
    out.say(`Made ${path}`);
  }
  return out.say(`
Write ${name} into ${dir}/config/plugins to have it run, in front of the plugins it shall be asked before.
Try it:   kasi -c ${dir} -t ${name} --envrcpt nobody@example.com
${testIt(host, `${dir}/tests/${name}_test.ts`)}`);
}

/** An executable has no sources inside that another program could read. */
function testIt(host: Machine["host"], file: string): string {
  const [config, door] = [shippedPath("deno.json"), shippedPath("src/host/node/door.mjs")];
  return exists(host, config)
    ? `Test it:  deno test -A --config ${config} ${file}
          node --import ${door} --test ${file}`
    : `Test it:  with the sources of this version of Kasi beside you, say in /opt/kasi:
          deno test -A --config /opt/kasi/deno.json ${file}`;
}

function module(name: string): string {
  return `/** Refuses mail for nobody: put your own sense here. */
import { deny, type Plugin } from "kasi";

export default {
  name: ${JSON.stringify(name)},
  about: "Refuses mail for nobody.",
  hooks: {
    rcpt({ recipient }) {
      // Saying nothing leaves the decision to the plugins behind this one.
      return recipient.address.user === "nobody" ? deny("Nobody reads mail here", { enhanced: "5.1.1" }) : undefined;
    },
  },
} satisfies Plugin;
`;
}

function page(name: string): string {
  return `# ${name}

Refuses mail for \`nobody\`, whatever the domain, with \`550 5.1.1\`.

## Configuration

None.

## Hooks

| Hook | What it does |
|---|---|
| \`rcpt\` | refuses the recipient |
`;
}

/** Both runtimes have these modules. They are imported by the file that is made, not by us. */
const BUILT_IN = "node";

function test(name: string): string {
  const up = "../".repeat(name.split("/").length);
  return `import assert from "${BUILT_IN}:assert/strict";
import { test } from "${BUILT_IN}:test";
import plugin from "${up}plugins/${name}.ts";
import { hook } from "kasi/testing";

test("nobody is refused", async () => {
  const { verdict } = await hook(plugin, "rcpt", { to: "nobody@example.com" });
  assert.equal(verdict?.kind, "deny");
});

test("others are left to other plugins", async () => {
  const { verdict } = await hook(plugin, "rcpt", { to: "somebody@example.com" });
  assert.equal(verdict, undefined);
});
`;
}
