/** Plugin names as they stand in `config/plugins`: the optional prefix, and the names that Haraka has retired (spec 01 §7.1, 03 §0). */

const PREFIX = "haraka-plugin-";

const SUCCESSORS: { readonly [successor: string]: readonly string[] } = {
  "access": [
    "connect.rdns_access",
    "mail_from.access",
    "mail_from.blocklist",
    "rcpt_to.access",
    "rcpt_to.blocklist",
    "rdns.regexp",
  ],
  "asn": ["connect.asn"],
  "auth-ldap": ["auth/auth_ldap"],
  "bounce": ["mail_from.nobounces"],
  "dkim": ["dkim_sign", "dkim_verify"],
  "dns-list": ["backscatterer", "dnsbl", "dnswl"],
  "fcrdns": ["connect.fcrdns"],
  "geoip": ["connect.geoip"],
  "headers": ["data.nomsgid", "data.noreceived", "data.rfc5322_header_checks", "data.headers"],
  "limit": ["max_unrecognized_commands", "rate_limit", "rcpt_to.max_count"],
  "p0f": ["connect.p0f"],
  "qmail-deliverable": ["rcpt_to.qmail_deliverable"],
  "rcpt-ldap": ["rcpt_to.ldap"],
  "recipient-routes": ["rcpt_to.routes"],
  "relay": ["relay_acl", "relay_all", "relay_force_routing"],
  "syslog": ["log.syslog"],
  "uribl": ["data.uribl"],
};
const RETIRED = new Map(Object.entries(SUCCESSORS).flatMap(([now, was]) => was.map((name) => [name, now] as const)));

export interface PluginName {
  readonly name: string;
  /** The retired name that stands in the list. */
  readonly was?: string;
}

/** The name that is meant by a bare name; specifiers with a scheme or a path are left alone by the caller. */
export function pluginName(listed: string): PluginName {
  const name = listed.startsWith(PREFIX) ? listed.slice(PREFIX.length) : listed;
  const now = RETIRED.get(name);
  return now === undefined ? { name } : { name: now, was: name };
}
