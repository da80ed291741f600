/**
 * Haraka and some of its plugins as npm has them, unmodified, below `data/test-tools/haraka`; fetched on first use, kept, never in the repository.
 *
 * Undefined where npm cannot be had; the tests that need them are skipped then, and counted.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./site.ts";

/** Exact versions, so that a test that fails does so because of us. 3.1.6 is the last with addresses of the older kind. */
const PACKAGES: { readonly [name: string]: string } = {
  "Haraka": "3.1.6",
  "haraka-plugin-access": "1.4.0",
  "haraka-plugin-aliases": "1.1.0",
  "haraka-plugin-bounce": "2.2.1",
  "haraka-plugin-early_talker": "1.0.2",
  "haraka-plugin-headers": "1.2.0",
  "haraka-plugin-helo.checks": "1.1.3",
  "haraka-plugin-relay": "1.0.2",
};

/** The `node_modules` that holds them. */
export function harakaPackages(): string | undefined {
  const dir = join(ROOT, "data", "test-tools", "haraka");
  const modules = join(dir, "node_modules");
  const wanted = JSON.stringify({ private: true, dependencies: PACKAGES });
  const stamp = join(dir, `ready-${PACKAGES.Haraka}-${Object.keys(PACKAGES).length}`);
  if (existsSync(stamp)) return modules;
  try {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "package.json"), wanted);
    const flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--silent"];
    execFileSync("npm", ["install", ...flags], { cwd: dir, stdio: "ignore", timeout: 120_000 });
    writeFileSync(stamp, "");
    return modules;
  } catch {
    return undefined;
  }
}
