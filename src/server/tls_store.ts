/**
 * The server's certificates: those of tls.ini and `config/tls/`, or a self-made one where the operator has given none.
 *
 * A key that cannot be read or does not fit is a ConfigError at start; after a reload the last good ones stay and the log says why. The
 * self-made certificate is kept in `tls/` below the data directory, so that clients see the same one after a restart.
 */
import { utf8Encode } from "../base/bytes.ts";
import { ConfigError } from "../base/config_error.ts";
import type { CoreSettings } from "../config/core_settings.ts";
import type { Config } from "../config/types.ts";
import { writeAtomically } from "../host/atomic_file.ts";
import { Certificates, type IdentityFiles, type NamedText, type TlsFiles } from "../host/certificates.ts";
import { serverTls } from "../host/tls_server.ts";
import { exists } from "../host/exists.ts";
import type { Host, Machine, ServerTls } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

export interface TlsStore {
  readonly server: ServerTls;
  /** Whether the certificate is of our own making. */
  readonly selfMade: boolean;
  /** The certificate of clients that ask for no name, and its PKCS#8 key; PEM. */
  readonly defaultPair: { readonly cert: string; readonly key: string };
  /** Reads the files again; faults are logged and the old certificates stay. */
  reload(): void;
  close(): void;
}

export interface TlsStoreOptions {
  readonly machine: Machine;
  readonly config: Config;
  readonly core: CoreSettings;
  readonly log: Logger;
  readonly dataDir: string;
}

const DEFAULT_KEY = "tls_key.pem";
const DEFAULT_CERT = "tls_cert.pem";

export async function loadServerTls(options: TlsStoreOptions): Promise<TlsStore> {
  const { machine, core, log, config, dataDir } = options;
  const { host, clock } = machine;
  const given = givenIdentities(host, config, core);
  const selfMade = given.length === 0;
  const identities = selfMade ? [await ownIdentity(options)] : given;
  if (selfMade) log.info(`No certificate is configured; using a self-made one in ${dataDir}/tls`);
  const certificates = new Certificates(
    tlsFiles(host, config, core, identities),
    () => clock.now(),
    ({ file, reason, date }) => {
      log.error(`The certificate in ${file} is ${reason} (${date.toISOString()})`);
    },
  );
  const reload = () => {
    if (selfMade) return;
    try {
      certificates.reload(tlsFiles(host, config, core, givenIdentities(host, config, core)));
    } catch (cause) {
      log.error(`Keeping the certificates we have: ${cause instanceof Error ? cause.message : cause}`);
    }
  };
  return {
    server: serverTls(certificates, clock),
    selfMade,
    get defaultPair() {
      const { cert, key } = certificates.defaults;
      return { cert: String(cert), key: String(key) };
    },
    reload,
    close: core.tls.onChange(reload),
  };
}

/** Throws ConfigError for what is wrong with the certificates that the operator has given. Makes none and writes nothing. */
export function checkCertificates({ machine: { host }, config, core }: Omit<TlsStoreOptions, "dataDir" | "log">): void {
  const given = givenIdentities(host, config, core);
  if (given.length > 0) new Certificates(tlsFiles(host, config, core, given), () => 0, () => {});
}

function tlsFiles(host: Host, config: Config, core: CoreSettings, identities: readonly IdentityFiles[]): TlsFiles {
  const { inbound } = core.tls.value;
  return {
    identities,
    requestCert: inbound.requestCert,
    rejectUnauthorized: inbound.rejectUnauthorized,
    honorCipherOrder: inbound.honorCipherOrder,
    // Neither door speaks anything older than 1.2.
    minVersion: inbound.minVersion === "TLSv1.3" ? "TLSv1.3" : "TLSv1.2",
    ...(inbound.ciphers === undefined ? {} : { ciphers: inbound.ciphers }),
    ...(inbound.ca === undefined ? {} : { ca: [readNamed(host, config.path(inbound.ca))] }),
  };
}

/** Keys and certificates of tls.ini, then every file of `config/tls/` that holds both. */
function givenIdentities(host: Host, config: Config, core: CoreSettings): IdentityFiles[] {
  const { key, cert } = core.tls.value.inbound;
  const found: IdentityFiles[] = [];
  const unset = key.length === 1 && key[0] === DEFAULT_KEY && cert.length === 1 && cert[0] === DEFAULT_CERT &&
    !exists(host, config.path(DEFAULT_KEY)) && !exists(host, config.path(DEFAULT_CERT));
  if (!unset) {
    cert.forEach((file, i) => {
      found.push({
        cert: readNamed(host, config.path(file)),
        key: readNamed(host, config.path(key[i] ?? key[0] ?? file)),
      });
    });
  }
  const dir = config.path("tls");
  if (exists(host, dir) && host.statSync(dir).isDirectory) {
    for (const entry of [...host.readDirSync(dir)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (!entry.isFile) continue;
      const file = readNamed(host, `${dir}/${entry.name}`);
      if (/-----BEGIN CERTIFICATE-----/.test(file.text) && /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(file.text)) {
        found.push({ cert: file, key: file });
      }
    }
  }
  return found;
}

async function ownIdentity({ machine, core, dataDir }: TlsStoreOptions): Promise<IdentityFiles> {
  const { host } = machine;
  const dir = `${dataDir}/tls`;
  const [keyFile, certFile] = [`${dir}/key.pem`, `${dir}/cert.pem`];
  if (!exists(host, keyFile) || !exists(host, certFile)) {
    // Only now: the library behind it costs every other start its time.
    const { selfSigned } = await import("../host/self_signed.ts");
    const made = await selfSigned([...new Set([core.me.value, host.hostname(), "localhost"])], machine.clock.now());
    host.mkdirSync(dir, { recursive: true });
    await writeAtomically(host, keyFile, utf8Encode(made.key), 0o600);
    await writeAtomically(host, certFile, utf8Encode(made.cert));
  }
  return { key: readNamed(host, keyFile), cert: readNamed(host, certFile) };
}

function readNamed(host: Host, file: string): NamedText {
  try {
    return { file, text: host.readTextFileSync(file) };
  } catch (cause) {
    const current = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError({ file, current, wanted: "a PEM file that the server may read" }, { cause });
  }
}
