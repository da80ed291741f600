/**
 * Set-up for the system tests and the benches: real mail programs from Debian, a Node for the other door, its packages from npm.
 *
 * Idempotent and quiet when nothing is missing. Where a thing can't be had (not root, no apt, no network) it says so, and the tests that need it are
 * skipped with a count. Starts nothing and leaves nothing running.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../", import.meta.url));
const CACHE = join(ROOT, "data", "test-tools");

/** Program → Debian package. */
const PROGRAMS: { readonly [program: string]: string } = {
  swaks: "swaks",
  postfix: "postfix",
  "smtp-source": "postfix",
  "smtp-sink": "postfix",
  nsd: "nsd",
  curl: "curl",
  openssl: "openssl",
  python3: "python3",
  rsyslogd: "rsyslog",
  "redis-server": "redis-server",
  "redis-cli": "redis-tools",
  strace: "strace",
};
/** Perl modules that swaks wants for TLS and CRAM-MD5: name → package. */
const PERL: { readonly [module: string]: string } = {
  "Net::SSLeay": "libnet-ssleay-perl",
  "Digest::HMAC_MD5": "libdigest-hmac-perl",
  "Authen::SASL": "libauthen-sasl-perl",
};

/** Modules of Debian's Python: name → package. `dkim` holds our signatures against another's, `nacl` lets it read Ed25519. */
const PYTHON: { readonly [module: string]: string } = {
  dkim: "python3-dkim",
  nacl: "python3-nacl",
  authres: "python3-authres",
};

/**
 * Mail servers that cannot be installed beside Postfix, or would start as services: unpacked below `data/test-tools/servers` instead, and run from
 * there in a mount namespace of their own (`tests/kit/unpacked_servers.ts`). The libraries are those that a Debian with the packages above lacks.
 */
const UNPACKED: readonly string[] = [
  "exim4-daemon-light",
  "opensmtpd",
  "dovecot-core",
  "dovecot-lmtpd",
  "dovecot-imapd",
  "opendkim",
];
export const SERVERS_ROOT: string = join(CACHE, "servers");

/** Fetches and unpacks what is not there; says whether all is. Installs nothing. */
export function unpackServers(): boolean {
  const stamp = join(SERVERS_ROOT, ".unpacked");
  const unpacked = existsSync(stamp) ? readFileSync(stamp, "utf8").split("\n") : [];
  if (UNPACKED.every((name) => unpacked.includes(name))) return true;
  if (which("apt-get") === undefined || which("dpkg") === undefined) return false;
  console.log(`setup: unpacking ${UNPACKED.join(" ")}`);
  const dir = `${SERVERS_ROOT}.new`;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: dir, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const fetched = (packages: readonly string[]) => {
    run("apt-get", "download", "-qq", ...packages);
    for (const name of readdirSync(dir).filter((each) => each.endsWith(".deb"))) {
      run("dpkg", "-x", name, "root");
      rmSync(join(dir, name));
    }
  };
  try {
    try {
      fetched(UNPACKED);
    } catch {
      run("apt-get", "update", "-qq");
      fetched(UNPACKED);
    }
    // What they depend on and Debian has not installed here: libraries alone, of them and of one another.
    const there = new Set<string>(UNPACKED);
    const installed = new Set(
      run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package}\n").match(/(?<=^ii +).*$/gm),
    );
    // One call for all of a round: each reads the lists of all packages anew.
    for (let left = [...UNPACKED]; left.length > 0;) {
      const wanted = dependencies(run("apt-cache", "depends", ...left))
        .filter((name) => /^lib/.test(name) && !there.has(name) && !installed.has(name));
      left = [...new Set(wanted)];
      for (const name of left) there.add(name);
      if (left.length > 0) fetched(left);
    }
    writeFileSync(join(dir, ".unpacked"), `${[...there].join("\n")}\n`);
    rmSync(SERVERS_ROOT, { recursive: true, force: true });
    renameSync(dir, SERVERS_ROOT);
    return true;
  } catch (cause) {
    console.log(`setup: ${cause instanceof Error ? cause.message.split("\n")[0] : cause}`);
    return false;
  }
}

/** Of `apt-cache depends`: the first of alternatives. */
function dependencies(output: string): string[] {
  return [...output.matchAll(/^\s+(?:PreDepends|Depends): ([^<\s]+)$/gm)].map((match) => match[1]!);
}

/** Absolute path of a program, or undefined. Looks in the administrator's directories too. */
export function which(program: string): string | undefined {
  const places = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/sbin"];
  return places.map((place) => join(place, program)).find((path) => existsSync(path));
}

function runs(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Installs what is missing from Debian; returns the programs that are still missing. */
export function installPrograms(): string[] {
  const missing = () => Object.keys(PROGRAMS).filter((program) => which(program) === undefined);
  const missingPerl = () => Object.keys(PERL).filter((module) => !runs("perl", `-M${module}`, "-e", "1"));
  const missingPython = () =>
    Object.keys(PYTHON).filter((module) => !runs("/usr/bin/python3", "-c", `import ${module}`));
  const packages = new Set([
    ...missing().map((name) => PROGRAMS[name]!),
    ...missingPerl().map((name) => PERL[name]!),
    ...missingPython().map((name) => PYTHON[name]!),
  ]);
  if (packages.size > 0 && which("apt-get") !== undefined && process.getuid?.() === 0) {
    console.log(`setup: installing ${[...packages].join(" ")}`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    try {
      execFileSync("apt-get", ["update", "-qq"], { env, stdio: "ignore" });
      execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
        env,
        stdio: ["ignore", "ignore", "inherit"],
      });
    } catch (cause) {
      console.log(`setup: apt-get failed: ${cause instanceof Error ? cause.message.split("\n")[0] : cause}`);
    }
  }
  return missing();
}

/** Path of a Node of at least 22.18, from the PATH or from npm; undefined when neither has one. */
export function nodeBinary(): string | undefined {
  const note = join(CACHE, "node-path");
  const good = (path: string) => {
    try {
      const [major, minor] = execFileSync(path, ["--version"], { encoding: "utf8" }).slice(1).split(".").map(Number);
      return major! > 22 || (major === 22 && minor! >= 18);
    } catch {
      return false;
    }
  };
  const noted = existsSync(note) ? readFileSync(note, "utf8").trim() : "";
  for (const path of [noted, which("node") ?? ""]) if (path !== "" && good(path)) return path;
  try {
    const path = execFileSync("npx", ["-y", "node@24", "-p", "process.execPath"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    if (!good(path)) return undefined;
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(note, path);
    return path;
  } catch {
    return undefined;
  }
}

/** The Node door resolves packages from `node_modules`; Deno does not need it. */
export function installNodePackages(): boolean {
  const stamp = join(ROOT, "node_modules", ".package-lock.json");
  const lock = join(ROOT, "package-lock.json");
  const fresh = () => existsSync(stamp) && readFileSync(stamp).length > 0 && statNewer(stamp, lock);
  if (fresh()) return true;
  console.log("setup: npm ci");
  try {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--silent"], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "ignore"],
    });
    return true;
  } catch {
    return false;
  }
}

function statNewer(a: string, b: string): boolean {
  try {
    return execFileSync("find", [a, "-newer", b], { encoding: "utf8" }).trim() !== "";
  } catch {
    return false;
  }
}

export interface SetUp {
  readonly missing: readonly string[];
  readonly node: string | undefined;
  /** Whether the Node door has its packages. */
  readonly nodePackages: boolean;
}

export function setUp(): SetUp {
  const missing = installPrograms();
  if (missing.length > 0) {
    console.log(`setup: not to be had here: ${missing.join(", ")}; the tests that need them are skipped and counted`);
  }
  if (!unpackServers()) {
    console.log("setup: no Exim, OpenSMTPD, Dovecot and OpenDKIM; what needs them is skipped and counted");
  }
  const node = nodeBinary();
  const packages = node !== undefined && installNodePackages();
  if (node === undefined || !packages) console.log("setup: no Node 22.18 or its packages; the Node door is not tested");
  return { missing, node, nodePackages: packages };
}

if (import.meta.main) setUp();
