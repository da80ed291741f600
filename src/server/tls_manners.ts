/**
 * What tls.ini says of handshakes, as `host/certificates.ts` takes it. Throws ConfigError for what no door can do.
 *
 * Diffie-Hellman parameters that are named and missing are made: a group of RFC 3526, which costs no minutes and is no weaker than one of
 * our own. Without a name OpenSSL chooses by itself.
 */
import { ConfigError } from "../base/config_error.ts";
import type { TlsOptions } from "../config/core_types.ts";
import type { Manners, NamedText } from "../host/certificates.ts";
import { dhParameters } from "../host/dh_parameters.ts";
import type { Host } from "../host/types.ts";

export interface Making {
  readonly host: Pick<Host, "writeTextFileSync" | "errors">;
  readonly make: boolean;
}

type Versions = Pick<Manners, "minVersion" | "maxVersion">;

const METHODS: { readonly [name: string]: Versions | undefined } = {
  TLS: {},
  SSLv23: {},
  TLSv1_2: { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" },
  TLSv1_3: { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
};

/**
 * `read` is asked for files by their configured names; what is missing and can be made is made if `make`. What `options` does not say is absent
 * from the result.
 */
export function mannersOf(
  options: Partial<TlsOptions>,
  read: (name: string) => NamedText,
  { host, make }: Making,
): Manners {
  const { ca, crl, pfx, dhparam, secureOptions } = options;
  if (pfx !== undefined) {
    const wanted = `key and certificate as PEM files: openssl pkcs12 -nodes -in ${pfx} -out tls/${stemOf(pfx)}.pem`;
    throw new ConfigError({ file: "tls.ini", setting: "pfx", current: pfx, wanted });
  }
  return {
    ...(ca === undefined ? {} : { ca: [read(ca)] }),
    ...(crl === undefined ? {} : { crl: [read(crl)] }),
    ...(dhparam === undefined
      ? {}
      : { dhparam: dhparam === "auto" ? dhparam : namedParameters(dhparam, read, { host, make }) }),
    ...(secureOptions === undefined ? {} : { secureOptions: numberOf(secureOptions) }),
    ...picked(options, [
      "ciphers",
      "honorCipherOrder",
      "ecdhCurve",
      "sessionIdContext",
      "ALPNProtocols",
      "requestCert",
      "rejectUnauthorized",
      "requestOCSP",
    ]),
    ...versionsOf(options),
  };
}

/** Neither door speaks anything older than 1.2 (RFC 8996). */
function versionsOf({ minVersion, secureProtocol }: Partial<TlsOptions>): Versions {
  if (secureProtocol !== undefined) {
    const versions = METHODS[secureProtocol.replace(/(?:_server|_client)?_method$/, "")];
    if (versions !== undefined) return versions;
    const wanted = "minVersion = TLSv1.2 or TLSv1.3";
    throw new ConfigError({ file: "tls.ini", setting: "secureProtocol", current: secureProtocol, wanted });
  }
  return minVersion === undefined ? {} : { minVersion: minVersion === "TLSv1.3" ? "TLSv1.3" : "TLSv1.2" };
}

function picked<K extends keyof TlsOptions>(options: Partial<TlsOptions>, keys: readonly K[]): Partial<Manners> {
  return Object.fromEntries(keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]));
}

function numberOf(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number)) return number;
  throw new ConfigError({ file: "tls.ini", setting: "secureOptions", current: text, wanted: "an integer" });
}

function namedParameters(
  name: string,
  read: (name: string) => NamedText,
  { host, make }: Making,
): NamedText | "auto" {
  try {
    return read(name);
  } catch (cause) {
    if (!(cause instanceof ConfigError) || !(cause.cause instanceof host.errors.NotFound)) throw cause;
    if (!make) return "auto";
    host.writeTextFileSync(cause.fault.file, dhParameters());
    return read(name);
  }
}

const stemOf = (name: string) => name.slice(name.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
