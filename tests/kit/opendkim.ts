/**
 * OpenDKIM, the milter of the Trusted Domain Project, by its mode for single messages (`-t`): signs as it would sign, verifies against keys from a
 * file in the place of the DNS. Debian's package is unpacked by `tests/setup.ts`, not installed; nothing listens.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { SERVERS_ROOT } from "../setup.ts";
import { temporaryDir } from "./site.ts";

const PROGRAM = join(SERVERS_ROOT, "root/usr/sbin/opendkim");
/** One of its libraries lies beside the multiarch directory. */
const LIBRARIES = ["lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib"].map((dir) =>
  join(SERVERS_ROOT, "root/usr", dir)
);

let why: string | undefined | null = null;

/** Why it cannot be run here; undefined when it can. */
export function withoutOpenDkim(): string | undefined {
  if (why !== null) return why;
  const { status } = existsSync(PROGRAM) ? start(["-V"]) : { status: -1 };
  return why = status === 0 ? undefined : "Debian's opendkim could not be fetched (tests/setup.ts)";
}

function start(args: readonly string[]) {
  const env = { ...process.env, LD_LIBRARY_PATH: LIBRARIES.join(":") };
  return spawnSync(PROGRAM, args, { env, encoding: "latin1" });
}

function run(settings: { readonly [name: string]: string }, files: { readonly [name: string]: Uint8Array | string }) {
  const dir = temporaryDir("kasi-opendkim-");
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content, { mode: 0o600 });
    const lines = Object.entries({ Syslog: "no", UserID: "root", RequireSafeKeys: "no", ...settings });
    const conf = lines.map(([name, value]) => `${name} ${value.replaceAll("DIR", dir)}\n`).join("");
    writeFileSync(join(dir, "opendkim.conf"), conf);
    return start(["-x", join(dir, "opendkim.conf"), "-t", join(dir, "message")]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export interface OpenDkimKey {
  readonly domain: string;
  readonly selector: string;
  readonly privatePem: string;
  readonly algorithm: "rsa-sha256" | "ed25519-sha256";
  /** `relaxed/simple`. */
  readonly canonicalization: string;
}

/** The message with its signature on top; lines end in CRLF. */
export function openDkimSigns(message: Uint8Array, key: OpenDkimKey): Uint8Array {
  const settings = {
    Mode: "s",
    Domain: key.domain,
    Selector: key.selector,
    KeyFile: "DIR/key",
    SignatureAlgorithm: key.algorithm,
    Canonicalization: key.canonicalization,
    SubDomains: "yes",
  };
  const { status, stdout, stderr } = run(settings, { key: key.privatePem, message });
  const field = /^DKIM-Signature: [^\n]*\n(?:[ \t][^\n]*\n)*/m.exec(stdout)?.[0];
  if (status !== 0 || field === undefined) throw new Error(`opendkim does not sign: ${status} ${stdout}${stderr}`);
  const onTop = new TextEncoder().encode(field.replaceAll(/\r?\n/g, "\r\n"));
  const signed = new Uint8Array(onTop.length + message.length);
  signed.set(onTop);
  signed.set(message, onTop.length);
  return signed;
}

/** What it says of a message; `keys`: `selector._domainkey.domain` → the record. */
export function openDkimVerifies(message: Uint8Array, keys: { readonly [name: string]: string }): string {
  const lines = Object.entries(keys).map(([name, record]) => `${name} ${record}\n`);
  const { stdout, stderr } = run({ Mode: "v", TestPublicKeys: "DIR/keys" }, { keys: lines.join(""), message });
  return `${stdout}${stderr}`.replace(/^opendkim: \S+: /, "").trim();
}
