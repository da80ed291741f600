/**
 * Which certificate of ours a host is shown that we deliver to (tls.ini `mutual_tls`, `[mutual_auth_hosts]`, `[mutual_auth_hosts_exclude]`).
 *
 * None unless asked for. A host of the list gets the one that stands behind its name there; any other the one of `[outbound]`, else the one that
 * clients of ours see. Throws ConfigError for files of `[outbound]` that are of no use.
 */
import { isListed } from "../delivery/host_list.ts";
import type { DeliverySettings } from "../delivery/settings.ts";
import { ConfigError } from "../base/config_error.ts";
import type { TlsSettings } from "../config/core_types.ts";
import type { Config } from "../config/types.ts";
import { loadIdentity } from "../host/certificates.ts";
import type { Host } from "../host/types.ts";
import { readNamed } from "./tls_files.ts";
import type { TlsStore } from "./tls_store.ts";

export type OwnCertificates = Pick<TlsStore, "defaultPair" | "pairFor">;

export function clientIdentities(
  tls: TlsSettings,
  config: Config,
  host: Host,
  certificates: OwnCertificates,
): NonNullable<DeliverySettings["identityFor"]> {
  const { mutualTls, mutualAuthHosts, mutualAuthHostsExclude, inbound, outbound } = tls;
  // Lists of one: `isListed` remembers what it has read of each.
  const entries = Object.keys(mutualAuthHosts).map((entry) => [entry]);
  for (const [mx, name] of Object.entries(mutualAuthHosts)) {
    if (name === "" || certificates.pairFor(name) !== undefined) continue;
    const wanted = "the name of a certificate in tls.ini or config/tls";
    throw new ConfigError({ file: "tls.ini", setting: `[mutual_auth_hosts] ${mx}`, current: name, wanted });
  }
  const ofItsOwn = outbound.key !== inbound.key || outbound.cert !== inbound.cert;
  const read = () => {
    const [key = "", cert = ""] = [outbound.key[0], outbound.cert[0]];
    const files = { key: readNamed(host, config.path(key)), cert: readNamed(host, config.path(cert)) };
    const { options } = loadIdentity({ ...files, ...passphraseOf(outbound) }, { identities: [] }, 0, () => {});
    return { key: String(options.key), cert: String(options.cert) };
  };
  let last = ofItsOwn && (mutualTls || entries.length > 0) ? read() : undefined;
  const ours = () => {
    if (last === undefined) return certificates.defaultPair;
    try {
      last = read(); // it may have been renewed
    } catch { /* half a renewal: the last good one will do */ }
    return last;
  };
  return (address, ...names) => {
    const isIn = (list: readonly string[]) => isListed(list, address, ...names);
    if (isIn(mutualAuthHostsExclude)) return undefined;
    const entry = entries.find((each) => isIn(each))?.[0];
    if (entry === undefined) return mutualTls ? ours() : undefined;
    const name = mutualAuthHosts[entry]!;
    return name === "" ? ours() : certificates.pairFor(name) ?? ours();
  };
}

const passphraseOf = ({ passphrase }: TlsSettings["outbound"]) => passphrase === undefined ? {} : { passphrase };
