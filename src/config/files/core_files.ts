/** Every file the core itself reads: those with a shape, and the plain ones with what they say. */
import { CONNECTION_INI } from "./connection_ini.ts";
import { HTTP_INI } from "./http_ini.ts";
import { LOG_INI } from "./log_ini.ts";
import { NET_UTILS_INI } from "./net_utils_ini.ts";
import { OUTBOUND_INI } from "./outbound_ini.ts";
import { OUTBOUND_SITES_INI } from "./outbound_sites_ini.ts";
import { PLUGINS_INI } from "./plugins_ini.ts";
import { RESULTS_INI } from "./results_ini.ts";
import { SMTP_INI } from "./smtp_ini.ts";
import { TLS_INI } from "./tls_ini.ts";
import type { FileShape } from "../shape.ts";

export const CORE_FILES: readonly FileShape[] = [
  SMTP_INI,
  CONNECTION_INI,
  OUTBOUND_INI,
  OUTBOUND_SITES_INI,
  TLS_INI,
  PLUGINS_INI,
  LOG_INI,
  HTTP_INI,
  RESULTS_INI,
  NET_UTILS_INI,
];

/** Plain files of the core and of the shipped plugins: lines, and values that 3.0 kept in files of their own. */
export const PLAIN_FILES: readonly string[] = [
  "me",
  "host_list",
  "host_list_regex",
  "host_list.anti_spoof",
  "relay_acl_allow",
  "xclient.hosts",
  "tls_key.pem",
  "tls_cert.pem",
  "dhparams.pem",
  "plugins",
  "plugin_timeout",
  "internalcmd_key",
  "queue_dir",
  "loglevel",
  "log_timestamps",
  "smtp.json",
  "smtp.hjson",
  "smtp.yaml",
  "smtp.yml",
  "databytes",
  "max_mime_parts",
  "max_line_length",
  "max_data_line_length",
  "max_received_count",
  "max_header_lines",
  "strict_rfc1869",
  "haproxy_hosts",
  "smtpgreeting",
  "ehlo_hello_message",
  "connection_close_message",
  "banner_includes_uuid",
  "deny_includes_uuid",
  "outbound.disabled",
  "outbound.concurrency_max",
  "outbound.enable_tls",
  "outbound.received_header",
  "outbound.maxTempFailures",
  "outbound.temp_fail_intervals",
  "outbound.bounce_message",
  "outbound.bounce_message_html",
  "outbound.bounce_message_image",
];
