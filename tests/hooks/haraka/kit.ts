/** Haraka plugins from literals: files of a site in a temporary directory, set up as the server would, without one. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CommonJsFile } from "../../../src/hooks/adapters.ts";
import { type HarakaContext, type HarakaSource, type Started, startHaraka } from "../../../src/hooks/haraka/adapter.ts";
import { pathOfUrl } from "../../../src/hooks/locate.ts";
import { locate } from "../../../src/hooks/locate.ts";
import { commonJs } from "../../../src/host/commonjs.ts";
import type { ShippedPlugins } from "../../../src/hooks/loader.ts";
import { type FakePluginHost, pluginHost, type PluginHostOptions } from "../../kit/plugin_host.ts";

export type { CommonJsFile, Started };

/** What the adapter needs of a host, from the true disk. */
export const FILES = {
  readTextFileSync: (path: string) => readFileSync(path, "utf8"),
  *readDirSync(path: string) {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      yield {
        name: entry.name,
        isFile: entry.isFile(),
        isDirectory: entry.isDirectory(),
        isSymlink: entry.isSymbolicLink(),
      };
    }
  },
  statSync: (path: string) => ({ isFile: statSync(path).isFile() }),
  cwd: () => "/",
} as unknown as HarakaContext["host"];

export interface HarakaSite extends Disposable {
  readonly dir: string;
  start(name: string, options?: PluginHostOptions & { shipped?: ShippedPlugins }): Promise<Started & FakePluginHost>;
}

/** `files`: path below the site → text. */
export function harakaSite(files: { readonly [path: string]: string }): HarakaSite {
  const dir = mkdtempSync(join(tmpdir(), "kasi-haraka-"));
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return {
    dir,
    async start(name, { shipped = {}, ...options } = {}) {
      const fake = pluginHost(name, options);
      const located = locate(
        name,
        { host: FILES, siteDir: dir, isShipped: () => false } as Parameters<typeof locate>[1],
      );
      if (located?.kind !== "module") throw new Error(`This site has no plugin ${name}`);
      const source: HarakaSource = {
        path: pathOfUrl(located.url),
        ...(located.packageDir === undefined ? {} : { packageDir: located.packageDir }),
      };
      // A package's own defaults lie on the true disk, the site's settings in memory.
      if (source.packageDir !== undefined) mirror(`${source.packageDir}/config`, fake);
      const started = await startHaraka(name, source, fake.host, { commonJs, host: FILES, siteDir: dir, shipped });
      return { ...fake, ...started, stop: () => started.stop() };
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function mirror(dir: string, { machine: { host } }: FakePluginHost): void {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return;
  }
  host.mkdirSync(dir, { recursive: true });
  for (const name of names) host.writeTextFileSync(`${dir}/${name}`, readFileSync(`${dir}/${name}`, "utf8"));
}
