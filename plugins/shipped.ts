/**
 * The plugins that come with the server: name → import. A table of literal imports, so that `deno compile` sees them all.
 *
 * `tests/house/plugins_test.ts` proves that no plugin of this folder is missing. Files without a default export are helpers.
 */
export const SHIPPED = {
  "access": () => import("./access.ts"),
  "aliases": () => import("./aliases.ts"),
  "arc": () => import("./arc.ts"),
  "auth/flat_file": () => import("./auth/flat_file.ts"),
  "authentication-results": () => import("./authentication-results.ts"),
  "bounce": () => import("./bounce.ts"),
  "data.signatures": () => import("./data.signatures.ts"),
  "delay_deny": () => import("./delay_deny.ts"),
  "dkim": () => import("./dkim.ts"),
  "dmarc": () => import("./dmarc.ts"),
  "dns-list": () => import("./dns-list.ts"),
  "early_talker": () => import("./early_talker.ts"),
  "example": () => import("./example.ts"),
  "fcrdns": () => import("./fcrdns.ts"),
  "headers": () => import("./headers.ts"),
  "helo.checks": () => import("./helo.checks.ts"),
  "mail_from.is_resolvable": () => import("./mail_from.is_resolvable.ts"),
  "prevent_credential_leaks": () => import("./prevent_credential_leaks.ts"),
  "queue/discard": () => import("./queue/discard.ts"),
  "queue/lmtp": () => import("./queue/lmtp.ts"),
  "queue/maildir": () => import("./queue/maildir.ts"),
  "queue/quarantine": () => import("./queue/quarantine.ts"),
  "queue/smtp_forward": () => import("./queue/smtp_forward.ts"),
  "queue/test": () => import("./queue/test.ts"),
  "rcpt_to.in_host_list": () => import("./rcpt_to.in_host_list.ts"),
  "record_envelope_addresses": () => import("./record_envelope_addresses.ts"),
  "relay": () => import("./relay.ts"),
  "spf": () => import("./spf.ts"),
  "tarpit": () => import("./tarpit.ts"),
  "tls": () => import("./tls.ts"),
  "toobusy": () => import("./toobusy.ts"),
  "xclient": () => import("./xclient.ts"),
};
