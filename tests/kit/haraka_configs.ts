/**
 * The `config/` directories that Haraka and its plugins' packages ship, from npm, below `data/test-tools/haraka-configs/PACKAGE`; fetched on first
 * use, kept, never in the repository.
 *
 * Undefined where npm cannot be had; the tests that need them are skipped then, and counted.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./site.ts";

/** Exact versions, so that a test that fails does so because of us. The newest of their kind, and Haraka's last of the older generation. */
export const HARAKA_VERSIONS = ["3.3.4", "3.0.4"] as const;
const PACKAGES: readonly string[] = [
  ...HARAKA_VERSIONS.map((version) => `Haraka@${version}`),
  "haraka-plugin-access@1.4.0",
  "haraka-plugin-aliases@1.1.0",
  "haraka-plugin-asn@2.2.0",
  "haraka-plugin-attachment@1.2.1",
  "haraka-plugin-bounce@2.2.1",
  "haraka-plugin-dkim@1.3.1",
  "haraka-plugin-dns-list@1.3.0",
  "haraka-plugin-early_talker@1.0.2",
  "haraka-plugin-fcrdns@1.2.1",
  "haraka-plugin-geoip@1.1.2",
  "haraka-plugin-headers@1.2.0",
  "haraka-plugin-helo.checks@1.1.3",
  "haraka-plugin-limit@1.3.2",
  "haraka-plugin-mail_from.is_resolvable@1.3.0",
  "haraka-plugin-recipient-routes@1.4.0",
  "haraka-plugin-redis@2.1.0",
  "haraka-plugin-relay@1.0.2",
  "haraka-plugin-spf@1.3.0",
  "haraka-plugin-syslog@1.1.2",
  "haraka-plugin-uribl@2.0.0",
];

export interface HarakaConfigs {
  /** `config/` of Haraka itself. */
  readonly core: (version: (typeof HARAKA_VERSIONS)[number]) => string;
  /** `config/` of each plugin's package. */
  readonly plugins: readonly string[];
}

export function harakaConfigs(): HarakaConfigs | undefined {
  const home = join(ROOT, "data", "test-tools", `haraka-configs-${PACKAGES.length}`);
  const names = PACKAGES.map((each) => each.replace("@", "-"));
  if (!existsSync(home) && !fetch(home)) return undefined;
  return {
    core: (version) => join(home, `Haraka-${version}`, "config"),
    plugins: names.filter((name) => name.startsWith("haraka-")).map((name) => join(home, name, "config")),
  };
}

/** All archives by one call; of each only `config/` is taken out. */
function fetch(home: string): boolean {
  const dir = `${home}.${process.pid}`;
  mkdirSync(dir, { recursive: true });
  try {
    execFileSync("npm", ["pack", "--silent", ...PACKAGES], { cwd: dir, stdio: "ignore", timeout: 120_000 });
    for (const archive of readdirSync(dir)) {
      const to = join(dir, archive.replace(/\.tgz$/, ""));
      mkdirSync(to);
      execFileSync("tar", ["-xzf", archive, "-C", to, "--strip-components=1", "package/config"], { cwd: dir });
      rmSync(join(dir, archive));
    }
    if (!existsSync(home)) renameSync(dir, home);
    return true;
  } catch {
    return existsSync(home);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
