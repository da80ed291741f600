import assert from "node:assert/strict";
import { pluginName } from "../../src/hooks/plugin_names.ts";
import { test } from "../kit/test.ts";

test("the prefix haraka-plugin- is dropped", () => {
  assert.deepEqual(pluginName("haraka-plugin-relay"), pluginName("relay"));
  assert.deepEqual(pluginName("relay"), { name: "relay" });
  assert.deepEqual(pluginName("queue/smtp_forward"), { name: "queue/smtp_forward" });
});

test("every retired name of the specification has its successor", () => {
  const table =
    `auth/auth_ldap auth-ldap, backscatterer dns-list, dnsbl dns-list, dnswl dns-list, connect.asn asn, connect.fcrdns fcrdns,
    connect.geoip geoip, connect.p0f p0f, data.nomsgid headers, data.noreceived headers, data.rfc5322_header_checks headers, data.headers headers,
    data.uribl uribl, dkim_sign dkim, dkim_verify dkim, log.syslog syslog, mail_from.access access, mail_from.blocklist access, rcpt_to.access access,
    rcpt_to.blocklist access, connect.rdns_access access, rdns.regexp access, mail_from.nobounces bounce, max_unrecognized_commands limit,
    rate_limit limit, rcpt_to.max_count limit, rcpt_to.ldap rcpt-ldap, rcpt_to.qmail_deliverable qmail-deliverable, relay_acl relay, relay_all relay,
    relay_force_routing relay`;
  for (const pair of table.split(",")) {
    const [was, name] = pair.trim().split(" ");
    assert.deepEqual(pluginName(was!), { name, was });
  }
});
