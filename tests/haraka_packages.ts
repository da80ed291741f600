/** The ancestor's npm package, fetched once into the tests' own cache (`data/test-tools`): never kept in the repository. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./setup.ts";

/** Directory that holds `node_modules/Haraka` of that version; undefined where npm cannot be reached. */
export function harakaPackage(version: string): string | undefined {
  const dir = join(ROOT, "data", "test-tools", `haraka-${version}`);
  const main = join(dir, "node_modules/Haraka/package.json");
  if (existsSync(main)) return dir;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "package.json"), '{"private":true}\n');
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional", "--omit=dev", "--silent"];
  try {
    execFileSync("npm", ["install", `Haraka@${version}`, ...flags], { cwd: dir, stdio: "ignore", timeout: 60_000 });
  } catch {
    rmSync(dir, { recursive: true, force: true });
    return undefined;
  }
  return existsSync(main) ? dir : undefined;
}
