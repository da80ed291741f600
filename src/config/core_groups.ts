/**
 * The groups of the core's settings, each made from the files as they are now. Pure: what is wrong but can be done without goes to `report`,
 * what cannot throws ConfigError.
 */
import { ConfigError } from "../base/config_error.ts";
import type { ConfigFault } from "../base/config_error.ts";
import { parseLevel } from "../log/level.ts";
import { LEVELS } from "../log/types.ts";
import { placeOf } from "./apply_shape.ts";
import type {
  ConnectionSettings,
  HttpSettings,
  LogSettings,
  OutboundSettings,
  ServerSettings,
  TlsOptions,
  TlsSettings,
} from "./core_types.ts";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import type { CONNECTION_INI } from "./files/connection_ini.ts";
import type { HTTP_INI } from "./files/http_ini.ts";
import type { LOG_INI } from "./files/log_ini.ts";
import type { OUTBOUND_INI } from "./files/outbound_ini.ts";
import type { SMTP_INI } from "./files/smtp_ini.ts";
import type { TLS_INI } from "./files/tls_ini.ts";
import { defaultIntervals, parseIntervals } from "./intervals.ts";
import type { FileShape, Settings } from "./shape.ts";
import type { SiteConfig } from "./types.ts";

export type Report = SiteConfig["report"];
type In<F> = F extends FileShape<infer S> ? Settings<S> : never;
export type SmtpIni = In<typeof SMTP_INI>;
export type ConnectionIni = In<typeof CONNECTION_INI>;
export type OutboundIni = In<typeof OUTBOUND_INI>;
export type TlsIni = In<typeof TLS_INI>;
export type HttpIni = In<typeof HTTP_INI>;
export type LogIni = In<typeof LOG_INI>;

const seconds = (n: number) => Math.round(n * 1000);

/** The fault of one key, where it stands. */
function faultAt(file: string, section: object, key: string, current: string, wanted: string): ConfigFault {
  return { file, ...placeOf(section, key), setting: `[main] ${key}`, current, wanted };
}

export function serverSettings(
  { main }: SmtpIni,
  flat: { readonly queueDir: string | undefined },
  report: Report,
): ServerSettings {
  if (!/^(\d{1,3}|cpus)$/.test(main.nodes)) {
    throw new ConfigError(faultAt("smtp.ini", main, "nodes", main.nodes, "a number of workers, or cpus"));
  }
  const old = main.port === undefined ? [] : [`${bracketed(main.listen_host ?? "::0")}:${main.port}`];
  // Haraka's default gives way to the old keys; a list that was written does not.
  const listed = old.length > 0 && placeOf(main, "listen") === undefined ? [] : main.listen;
  return {
    listen: endpoints("smtp.ini", main, [...old, ...listed], 25, report),
    smtpsPort: main.smtps_port,
    publicIp: main.public_ip,
    nodes: main.nodes === "cpus" ? "cpus" : Number(main.nodes),
    user: main.user,
    group: main.group,
    ignoreBadPlugins: main.ignore_bad_plugins,
    daemonize: main.daemonize,
    daemonLogFile: main.daemon_log_file,
    daemonPidFile: main.daemon_pid_file,
    gracefulShutdown: main.graceful_shutdown,
    forceShutdownTimeoutMs: seconds(main.force_shutdown_timeout),
    onUncaught: main.on_uncaught,
    ...flat,
  };
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** Bad entries are reported and left out, doubles are dropped, `localhost` is both of its addresses. */
export function endpoints(
  file: string,
  section: object,
  texts: readonly string[],
  defaultPort: number,
  report: Report,
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const text of texts) {
    const endpoint = parseEndpoint(text, defaultPort);
    if (endpoint.kind === "bad") {
      report(faultAt(file, section, "listen", text, endpoint.wanted));
      continue;
    }
    const all = endpoint.kind === "tcp" && endpoint.host === "localhost"
      ? [{ ...endpoint, host: "127.0.0.1" }, { ...endpoint, host: "::1" }]
      : [endpoint];
    for (const each of all) found.set(formatEndpoint(each), each);
  }
  return [...found.values()];
}

export function connectionSettings(
  ini: ConnectionIni,
  smtp: SmtpIni,
  lists: { readonly greeting: readonly string[]; readonly haproxyHosts: readonly string[] },
  report: Report,
): ConnectionSettings {
  const { main, headers, max, extensions, message, uuid } = ini;
  return {
    inactivityTimeoutMs: seconds(smtp.main.inactivity_timeout),
    spoolDir: main.spool_dir,
    spoolAfter: main.spool_after < 0 ? Infinity : main.spool_after,
    strictRfc1869: main.strict_rfc1869,
    smtpUtf8: main.smtputf8,
    bareLf: main.bare_lf,
    longLines: main.long_lines,
    submissionPorts: ports("connection.ini", main, "submission_ports", main.submission_ports, report),
    haproxyHosts: lists.haproxyHosts,
    headers: {
      addReceived: headers.add_received,
      showVersion: headers.show_version,
      cleanAuthResults: headers.clean_auth_results,
    },
    limits: {
      lineLength: max.line_length,
      dataBytes: max.bytes,
      dataLineLength: max.data_line_length,
      mimeParts: max.mime_parts,
      receivedHeaders: headers.max_received,
      headerLines: headers.max_lines,
      errors: max.errors,
      authFailures: max.auth_failures,
      recipients: max.recipients,
      messages: max.messages,
      recipientDomains: max.recipient_domains,
    },
    extensions: {
      dsn: extensions.dsn,
      requireTls: extensions.requiretls,
      binaryMime: extensions.binarymime,
      priority: extensions.mt_priority,
      deliverBy: extensions.deliverby,
      deliverByMin: extensions.deliverby_min,
      futureRelease: extensions.futurerelease,
      limits: extensions.limits,
    },
    greeting: lists.greeting,
    helo: message.helo,
    close: message.close,
    bannerChars: uuid.banner_chars,
    denyChars: uuid.deny_chars,
  };
}

function ports(
  file: string,
  section: object,
  key: string,
  texts: readonly string[],
  report: Report,
): readonly number[] {
  return texts.flatMap((text) => {
    if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return [Number(text)];
    report(faultAt(file, section, key, text, "ports from 0 to 65535"));
    return [];
  });
}

export function outboundSettings({ main }: OutboundIni, report: Report): OutboundSettings {
  let intervals = defaultIntervals(main.maxTempFailures);
  if (main.temp_fail_intervals !== undefined) {
    const parsed = parseIntervals(main.temp_fail_intervals);
    if (parsed.kind === "intervals") intervals = parsed.seconds;
    else report(faultAt("outbound.ini", main, "temp_fail_intervals", main.temp_fail_intervals, parsed.wanted));
  }
  return {
    disabled: main.disabled,
    concurrencyMax: main.concurrency_max,
    enableTls: main.enable_tls,
    alwaysSplit: main.always_split,
    receivedHeader: main.received_header === "disabled" ? undefined : main.received_header,
    connectTimeoutMs: seconds(main.connect_timeout),
    localMxOk: main.local_mx_ok,
    inetPrefer: main.inet_prefer,
    delayWarningMs: seconds(main.delay_warning),
    delayWarningFor: main.delay_warning_for,
    fullReportBytes: main.full_report_size,
    idempotencyHeader: main.idempotency_header ?? "",
    idempotencyWindowMs: seconds(main.idempotency_window),
    idempotencyKeys: main.idempotency_keys,
    tempFailIntervalsMs: intervals.map(seconds),
  };
}

export function tlsSettings(ini: TlsIni, report: Report): TlsSettings {
  const { main, outbound, redis } = ini;
  if (main.key.length !== main.cert.length) {
    const wanted = `as many certificates as keys (${main.key.length})`;
    throw new ConfigError(faultAt("tls.ini", main, "cert", main.cert.join(", "), wanted));
  }
  const inbound: TlsOptions = main;
  const own = (key: string) => placeOf(outbound, key) !== undefined;
  return {
    inbound,
    certificates: ini["*"],
    outbound: {
      ...inbound,
      key: outbound.key.length > 0 ? outbound.key : inbound.key,
      cert: outbound.cert.length > 0 ? outbound.cert : inbound.cert,
      ca: outbound.ca ?? inbound.ca,
      dhparam: outbound.dhparam ?? inbound.dhparam,
      ciphers: outbound.ciphers ?? inbound.ciphers,
      minVersion: own("minVersion") ? outbound.minVersion : inbound.minVersion,
      honorCipherOrder: own("honorCipherOrder") ? outbound.honorCipherOrder : inbound.honorCipherOrder,
      requestCert: own("requestCert") ? outbound.requestCert : inbound.requestCert,
      rejectUnauthorized: own("rejectUnauthorized") ? outbound.rejectUnauthorized : inbound.rejectUnauthorized,
    },
    requireAuthorizedPorts: ports("tls.ini", main, "requireAuthorized", main.requireAuthorized, report),
    noStarttlsPorts: ports("tls.ini", main, "no_starttls_ports", main.no_starttls_ports, report),
    mutualTls: main.mutual_tls,
    noTlsHosts: Object.keys(ini.no_tls_hosts),
    outboundNoTlsHosts: outbound.no_tls_hosts,
    forceTlsHosts: own("force_tls_hosts") ? outbound.force_tls_hosts : main.force_tls_hosts,
    mutualAuthHosts: Object.fromEntries(
      Object.entries(ini.mutual_auth_hosts).map(([host, name]) => [host, name ?? ""]),
    ),
    mutualAuthHostsExclude: Object.keys(ini.mutual_auth_hosts_exclude),
    disableForFailedHosts: redis.disable_for_failed_hosts,
    disableExpiryMs: seconds(redis.disable_expiry),
    disableInboundExpiryMs: seconds(redis.disable_inbound_expiry),
    // A client that is not offered TLS may not authenticate either: only who asks for it gets that.
    rememberClients: redis.disable_for_failed_hosts && placeOf(redis, "disable_for_failed_hosts") !== undefined,
    memoryServer: redis.host === undefined ? undefined : {
      hostname: redis.host,
      port: redis.port,
      ...(redis.db === undefined ? {} : { database: Number(redis.db) }),
      ...(redis.password === undefined ? {} : { password: redis.password }),
    },
  };
}

export function httpSettings({ main }: HttpIni, report: Report): HttpSettings {
  return { listen: endpoints("http.ini", main, main.listen, 80, report), docroot: main.docroot };
}

/** The flat files count before log.ini. A level nobody knows is WARN. */
export function logSettings(
  { main }: LogIni,
  flat: { readonly loglevel: string | undefined; readonly timestamps: string | undefined },
  report: Report,
): LogSettings {
  const text = flat.loglevel ?? main.level;
  const level = parseLevel(text);
  if (level === undefined) {
    const wanted = `one of ${Object.keys(LEVELS).join(", ").toLowerCase()}, or 0 to 9`;
    report(
      flat.loglevel === undefined
        ? faultAt("log.ini", main, "level", text, wanted)
        : { file: "loglevel", current: text, wanted },
    );
  }
  const timestamps = main.timestamps || /^(true|yes|ok|enabled|on|1)$/i.test(flat.timestamps ?? "");
  return { level: level ?? "WARN", timestamps, format: main.format };
}
