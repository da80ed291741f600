/**
 * The certificates that the operator has given: those of tls.ini, and all below `config/tls/`, each with the manners that tls.ini has for it.
 *
 * What tls.ini names must be in order: else ConfigError. A file below `config/tls/` that is of no use is told of and left out, as Haraka
 * does it: one site's slip shall not stop the others'.
 */
import { ConfigError } from "../base/config_error.ts";
import type { CoreSettings, TlsOptions } from "../config/core_types.ts";
import type { Config } from "../config/types.ts";
import { certificateIn, type IdentityFiles, loadIdentity, type Manners, type NamedText } from "../host/certificates.ts";
import { exists } from "../host/exists.ts";
import type { Host } from "../host/types.ts";
import { mannersOf } from "./tls_manners.ts";

export interface GivenTls {
  readonly identities: readonly IdentityFiles[];
  readonly manners: Manners;
  /** What is wrong with the files below `config/tls/`. */
  readonly faults: readonly ConfigError[];
  /** Every file that was asked for; "" for one that could not be read. */
  readonly files: readonly NamedText[];
}

const DEFAULT_KEY = "tls_key.pem";
const DEFAULT_CERT = "tls_cert.pem";
/** A directory that leads back into itself ends here. */
const DEEPEST = 8;

/** `make`: files that are named and missing, and can be made, are. */
export function givenTls(host: Host, config: Config, core: CoreSettings, { make }: { make: boolean }): GivenTls {
  const { inbound, certificates } = core.tls.value;
  const files: NamedText[] = [];
  const faults: ConfigError[] = [];
  const read = (file: string): NamedText => {
    let found: NamedText = { file, text: "" };
    try {
      return found = readNamed(host, file);
    } finally {
      files.push(found);
    }
  };
  const named = (name: string) => read(config.path(name));
  const manners = mannersOf(inbound, named, { host, make });
  const sections = Object.entries(certificates);
  const own = new Map(
    sections.map(([name, options]) => [name.toLowerCase(), mannersOf(options, named, { host, make })]),
  );
  const mannersFor = (names: readonly string[]): Manners => {
    const name = names.find((each) => own.has(each));
    return name === undefined ? {} : own.get(name)!;
  };

  const identities: IdentityFiles[] = [];
  const add = ({ key, cert, passphrase }: Partial<TlsOptions>, more: Partial<IdentityFiles>) =>
    cert?.forEach((file, i) => {
      identities.push({
        cert: named(file),
        key: named(key?.[i] ?? key?.[0] ?? file),
        ...(passphrase === undefined ? {} : { passphrase }),
        ...more,
      });
    });
  if (!isUnset(host, config, inbound)) add(inbound, { fallback: true, manners: mannersFor });
  for (const [name, options] of sections) {
    const passphrase = options.passphrase ?? inbound.passphrase;
    const own = mannersFor([name.toLowerCase()]);
    add({ ...options, ...(passphrase === undefined ? {} : { passphrase }) }, { manners: () => own });
  }
  for (const pair of pairsBelow(host, config.path("tls"), read, faults)) {
    const identity = { ...pair, manners: mannersFor, ...(inbound.passphrase && { passphrase: inbound.passphrase }) };
    try {
      loadIdentity(identity, { ...manners, identities: [] }, 0, () => {});
      identities.push(identity);
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
      faults.push(cause);
    }
  }
  return { identities, manners, faults, files };
}

/** Nothing was said of a certificate, and none lies where Haraka looks for it. */
function isUnset(host: Host, config: Config, { key, cert }: TlsOptions): boolean {
  const isDefault = key.length === 1 && key[0] === DEFAULT_KEY && cert.length === 1 && cert[0] === DEFAULT_CERT;
  return isDefault && !exists(host, config.path(DEFAULT_KEY)) && !exists(host, config.path(DEFAULT_CERT));
}

interface Found {
  readonly file: NamedText;
  /** The name without its last ending, with its directory. */
  readonly stem: string;
  readonly hasKey: boolean;
  readonly hasCert: boolean;
}

/**
 * Certificates with their keys: both in one file, or in two of the same name but for the ending, or the key in a file named after one of the
 * certificate's names (`_` for `*`).
 */
function pairsBelow(
  host: Host,
  dir: string,
  read: (file: string) => NamedText,
  faults: ConfigError[],
): { cert: NamedText; key: NamedText }[] {
  const found: Found[] = [];
  for (const path of filesBelow(host, dir)) {
    try {
      const file = read(path);
      const hasCert = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(file.text);
      const hasKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(file.text);
      if (hasCert || hasKey) found.push({ file, stem: path.replace(/\.[^./]*$/, ""), hasCert, hasKey });
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
      faults.push(cause);
    }
  }
  const keys = found.filter(({ hasKey, hasCert }) => hasKey && !hasCert);
  const pairs: { cert: NamedText; key: NamedText }[] = [];
  const used = new Set<Found>();
  for (const each of found.filter(({ hasCert }) => hasCert)) {
    const names = certificateIn(each.file.text)?.names ?? []; // what is wrong with it shows when it is loaded
    const key = each.hasKey
      ? each
      : keys.find(({ stem }) => stem === each.stem) ?? keys.find(({ stem }) => names.includes(nameOf(stem)));
    if (key === undefined) {
      faults.push(new ConfigError({ file: each.file.file, wanted: "the key of this certificate, here or beside it" }));
    } else {
      used.add(key);
      pairs.push({ cert: each.file, key: key.file });
    }
  }
  for (const lone of keys.filter((key) => !used.has(key))) {
    faults.push(new ConfigError({ file: lone.file.file, wanted: "a certificate to this key, beside it" }));
  }
  return pairs;
}

/** `tls/_.example.com` → `*.example.com`: a star is no good in the name of a file. */
const nameOf = (stem: string) => stem.slice(stem.lastIndexOf("/") + 1).replace(/^_/, "*").toLowerCase();

/** All files at any depth, in the order of their names. Follows links. */
function filesBelow(host: Host, dir: string, depth = 0): string[] {
  if (depth > DEEPEST || !exists(host, dir) || !host.statSync(dir).isDirectory) return [];
  const names = [...host.readDirSync(dir)].map(({ name }) => name).filter((name) => !name.startsWith(".")).sort();
  return names.flatMap((name) => {
    const path = `${dir}/${name}`;
    if (!exists(host, path)) return [];
    return host.statSync(path).isDirectory ? filesBelow(host, path, depth + 1) : [path];
  });
}

export function readNamed(host: Host, file: string): NamedText {
  try {
    return { file, text: host.readTextFileSync(file) };
  } catch (cause) {
    const current = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError({ file, current, wanted: "a PEM file that the server may read" }, { cause });
  }
}
