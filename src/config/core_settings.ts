/**
 * What the server itself reads of the configuration, in one typed view: `me`, the listeners, limits, texts, outbound, TLS, HTTP, log.
 *
 * Each group is live: read `.value` once per session or attempt. Where 3.1's `connection.ini` says nothing, 3.0's flat files and
 * smtp.ini keys are honoured, with one notice each. {@linkcode loadCoreSettings} throws ConfigError for a value of the wrong form;
 * a wrong value that comes with a reload is logged and the last good ones stay.
 */
import type { LevelName } from "../log/types.ts";
import { ConfigError } from "../base/config_error.ts";
import { placeOf } from "./apply_shape.ts";
import {
  connectionSettings,
  httpSettings,
  logSettings,
  outboundSettings,
  serverSettings,
  tlsSettings,
} from "./core_groups.ts";
import type { Report } from "./core_groups.ts";
import type { Endpoint } from "./endpoint.ts";
import { CONNECTION_INI } from "./files/connection_ini.ts";
import { HTTP_INI } from "./files/http_ini.ts";
import { LOG_INI } from "./files/log_ini.ts";
import { NET_UTILS_INI } from "./files/net_utils_ini.ts";
import { OUTBOUND_INI } from "./files/outbound_ini.ts";
import { OUTBOUND_SITES_INI } from "./files/outbound_sites_ini.ts";
import { PLUGINS_INI } from "./files/plugins_ini.ts";
import { SMTP_INI } from "./files/smtp_ini.ts";
import { TLS_INI } from "./files/tls_ini.ts";
import { derive } from "./live.ts";
import { OLD_CONNECTION, OLD_OUTBOUND, OLD_PLUGINS, withOldPlaces } from "./old_settings.ts";
import type { OldPlace } from "./old_settings.ts";
import { type SitesSettings, sitesSettings } from "./sites.ts";
import type { Live, SiteConfig } from "./types.ts";

export interface CoreSettings {
  /** The server's name. */
  readonly me: Live<string>;
  /** What holds from the start of the process: listeners, workers, user. A change needs a restart. */
  readonly server: Live<ServerSettings>;
  readonly connection: Live<ConnectionSettings>;
  readonly outbound: Live<OutboundSettings>;
  /** outbound.sites.ini. */
  readonly sites: Live<SitesSettings>;
  readonly tls: Live<TlsSettings>;
  readonly http: Live<HttpSettings>;
  readonly logging: Live<LogSettings>;
  readonly plugins: Live<PluginSettings>;
  readonly dns: Live<DnsSettings>;
  /** Ends the subscriptions to the files. */
  close(): void;
}

/** smtp.ini `[main]`. */
export interface ServerSettings {
  /** Bad entries are left out (a ConfigFault each); `localhost` stands for 127.0.0.1 and ::1. */
  readonly listen: readonly Endpoint[];
  /** Listeners on this port speak TLS from the first byte. */
  readonly smtpsPort: number;
  readonly publicIp: string | undefined;
  /** Worker count; 0: one process. */
  readonly nodes: number | "cpus";
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly ignoreBadPlugins: boolean;
  readonly daemonize: boolean;
  readonly daemonLogFile: string;
  readonly daemonPidFile: string;
  readonly gracefulShutdown: boolean;
  readonly forceShutdownTimeoutMs: number;
  /** A fault outside of any hook is logged; then: go on, or end with exit code 1. */
  readonly onUncaught: "continue" | "exit";
  /** As configured: relative to the site; undefined where the caller shall choose. */
  readonly queueDir: string | undefined;
}

/** connection.ini and the session's part of smtp.ini. The names are those of `SessionSettings`. */
export interface ConnectionSettings {
  readonly inactivityTimeoutMs: number;
  readonly spoolDir: string | undefined;
  /** Octets of a body kept in memory; 0: none, Infinity: all. */
  readonly spoolAfter: number;
  readonly strictRfc1869: boolean;
  readonly smtpUtf8: boolean;
  readonly bareLf: "refuse" | "allow";
  readonly longLines: "keep" | "break";
  readonly submissionPorts: readonly number[];
  readonly haproxyHosts: readonly string[];
  readonly headers: {
    readonly addReceived: boolean;
    readonly showVersion: boolean;
    readonly cleanAuthResults: boolean;
  };
  readonly limits: {
    readonly lineLength: number;
    /** 0: no limit. */
    readonly dataBytes: number;
    readonly dataLineLength: number;
    readonly mimeParts: number;
    readonly receivedHeaders: number;
    readonly headerLines: number;
    readonly errors: number;
    readonly authFailures: number;
    readonly recipients: number;
    readonly messages: number;
    readonly recipientDomains: number;
  };
  /** `[extensions]`. */
  readonly extensions: {
    readonly dsn: boolean;
    readonly requireTls: boolean;
    readonly binaryMime: boolean;
    readonly priority: boolean;
    readonly deliverBy: boolean;
    readonly deliverByMin: number;
    readonly futureRelease: number;
    readonly limits: boolean;
  };
  /** Lines of the 220; [] for the standard one. */
  readonly greeting: readonly string[];
  readonly helo: string;
  readonly close: string;
  /** Characters of the session's id to show; 0: none. */
  readonly bannerChars: number;
  readonly denyChars: number;
}

/** outbound.ini. */
export interface OutboundSettings {
  readonly disabled: boolean;
  readonly concurrencyMax: number;
  readonly enableTls: boolean;
  readonly alwaysSplit: boolean;
  /** undefined: add none. */
  readonly receivedHeader: string | undefined;
  readonly connectTimeoutMs: number;
  readonly localMxOk: boolean;
  readonly inetPrefer: "default" | "v4" | "v6";
  /** 0: never. */
  readonly delayWarningMs: number;
  readonly delayWarningFor: "asked" | "all";
  readonly fullReportBytes: number;
  /** "": none. */
  readonly idempotencyHeader: string;
  readonly idempotencyWindowMs: number;
  readonly idempotencyKeys: number;
  /** Milliseconds before each further attempt; the failure after the last bounces. */
  readonly tempFailIntervalsMs: readonly number[];
}

/** tls.ini. Paths are as configured, to be asked of `config.path()`. */
export interface TlsSettings {
  readonly inbound: TlsOptions;
  /** What differs by certificate, by one of its names; only what is written there. */
  readonly certificates: { readonly [name: string]: Partial<TlsOptions> };
  readonly outbound: TlsOptions;
  readonly requireAuthorizedPorts: readonly number[];
  readonly noStarttlsPorts: readonly number[];
  readonly mutualTls: boolean;
  /** Hosts and networks that are not offered STARTTLS. */
  readonly noTlsHosts: readonly string[];
  /** Hosts we never try TLS with, and hosts it must hold for. */
  readonly outboundNoTlsHosts: readonly string[];
  readonly forceTlsHosts: readonly string[];
  /** Host → name of the certificate to show it, "" for the default one. */
  readonly mutualAuthHosts: { readonly [host: string]: string };
  readonly mutualAuthHostsExclude: readonly string[];
  readonly disableForFailedHosts: boolean;
  readonly disableExpiryMs: number;
  readonly disableInboundExpiryMs: number;
  /** Clients whose TLS is broken are remembered too. */
  readonly rememberClients: boolean;
  /** The Redis server of tls.ini. */
  readonly memoryServer:
    | { readonly hostname: string; readonly port: number; readonly database?: number; readonly password?: string }
    | undefined;
}
/** Also what a section of tls.ini has that is named after a certificate. */
export interface TlsOptions {
  /** Equal counts; key n belongs to cert n. */
  readonly key: readonly string[];
  readonly cert: readonly string[];
  readonly ca: string | undefined;
  readonly crl: string | undefined;
  readonly pfx: string | undefined;
  readonly passphrase: string | undefined;
  readonly dhparam: string | undefined;
  readonly ciphers: string | undefined;
  readonly minVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  readonly honorCipherOrder: boolean;
  readonly ecdhCurve: string | undefined;
  readonly secureProtocol: string | undefined;
  readonly secureOptions: string | undefined;
  readonly sessionIdContext: string;
  readonly ALPNProtocols: readonly string[];
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly requestOCSP: boolean;
}

/** http.ini. */
export interface HttpSettings {
  /** [] for no HTTP. */
  readonly listen: readonly Endpoint[];
  readonly docroot: string | undefined;
}

/** log.ini, with the flat files `loglevel` and `log_timestamps`. */
export interface LogSettings {
  readonly level: LevelName;
  readonly timestamps: boolean;
  readonly format: "default" | "logfmt" | "json";
}

/** The list `plugins`, plugins.ini and `<plugin>.timeout`. */
export interface PluginSettings {
  readonly names: readonly string[];
  /** A hook function that fails: refuse for now, or carry on as if it had said nothing. */
  readonly onFault: "defer" | "continue";
  /** Milliseconds a hook function may take; 0: no limit. */
  readonly timeoutMs: number;
  /** By plugin, where it is not {@linkcode timeoutMs}. */
  readonly timeoutMsOf: ReadonlyMap<string, number>;
  /** URL → SHA-256 of plugins from the network. */
  readonly pins: { readonly [url: string]: string | undefined };
}

/** net-utils.ini `[dns]`. */
export interface DnsSettings {
  readonly timeoutMs: number;
  readonly tries: number;
}

/** `report` hears of each fault that is done without: a bad entry of `listen`, a bad schedule. By default it is logged. */
export async function loadCoreSettings(
  config: SiteConfig,
  report: Report = (fault) => config.report(fault),
): Promise<CoreSettings> {
  const loader = new Loader(config, report);

  const smtp = await config.ini(SMTP_INI);
  const queueDir = await config.value("queue_dir");
  const server = loader.group(
    [smtp, queueDir],
    (report) => serverSettings(smtp.value, { queueDir: queueDir.value }, report),
  );

  const connectionIni = await config.ini(CONNECTION_INI);
  const connectionOld = await loader.files(config, OLD_CONNECTION);
  const greeting = await config.list("smtpgreeting");
  const haproxy = await config.list("haproxy_hosts");
  const connection = loader.group([smtp, connectionIni, greeting, haproxy, ...connectionOld.values()], (report) => {
    const sources = { ...loader.old(connectionOld), smtp: smtp.value };
    const ini = withOldPlaces(CONNECTION_INI, connectionIni.value, OLD_CONNECTION, sources);
    return connectionSettings(ini, smtp.value, {
      greeting: loader.list(
        ini.message,
        "greeting",
        greeting.value,
        "smtpgreeting",
        "connection.ini [message] greeting",
      ),
      haproxyHosts: ini.haproxy.enabled
        ? loader.list(ini.haproxy, "hosts", haproxy.value, "haproxy_hosts", "connection.ini [haproxy] hosts")
        : [],
    }, report);
  });

  const outboundIni = await config.ini(OUTBOUND_INI);
  const outboundOld = await loader.files(config, OLD_OUTBOUND);
  const outbound = loader.group([outboundIni, ...outboundOld.values()], (report) => {
    const ini = withOldPlaces(OUTBOUND_INI, outboundIni.value, OLD_OUTBOUND, loader.old(outboundOld));
    return outboundSettings(ini, report);
  });

  const sitesIni = await config.ini(OUTBOUND_SITES_INI);
  const tlsIni = await config.ini(TLS_INI);
  const httpIni = await config.ini(HTTP_INI);
  const logIni = await config.ini(LOG_INI);
  const loglevel = await config.value("loglevel");
  const timestamps = await config.value("log_timestamps");
  const dnsIni = await config.ini(NET_UTILS_INI);
  const me = await config.value("me");
  return {
    server,
    connection,
    outbound,
    sites: loader.group([sitesIni], () => sitesSettings(sitesIni.value)),
    plugins: await loadPluginSettings(config, loader),
    me: loader.group([me], () => me.value ?? config.hostname),
    tls: loader.group([tlsIni], (report) => tlsSettings(tlsIni.value, report)),
    http: loader.group([httpIni], (report) => httpSettings(httpIni.value, report)),
    logging: loader.group([logIni, loglevel, timestamps], (report) => {
      return logSettings(logIni.value, { loglevel: loglevel.value, timestamps: timestamps.value }, report);
    }),
    dns: loader.group([dnsIni], () => ({ timeoutMs: dnsIni.value.dns.timeout, tries: dnsIni.value.dns.tries })),
    close: () => loader.close(),
  };
}

async function loadPluginSettings(config: SiteConfig, loader: Loader): Promise<Live<PluginSettings>> {
  const names = await config.list("plugins");
  const ini = await config.ini(PLUGINS_INI);
  const old = await loader.files(config, OLD_PLUGINS);
  // Plugins are loaded at start, so that the names of then are the ones whose limits count.
  const limits = new Map<string, Live<string | undefined>>();
  for (const name of names.value) limits.set(name, await config.value(`${name}.timeout`));
  return loader.group([names, ini, ...old.values(), ...limits.values()], (report) => {
    const { main, sha256 } = withOldPlaces(PLUGINS_INI, ini.value, OLD_PLUGINS, loader.old(old));
    const timeoutMsOf = new Map<string, number>();
    for (const [name, { value }] of limits) {
      if (value === undefined) continue;
      if (/^\d+(\.\d+)?$/.test(value)) timeoutMsOf.set(name, Math.round(Number(value) * 1000));
      else report({ file: config.path(`${name}.timeout`), current: value, wanted: "seconds; 0 for no limit" });
    }
    return {
      names: names.value,
      onFault: main.on_fault,
      timeoutMs: Math.round(main.plugin_timeout * 1000),
      timeoutMsOf,
      pins: sha256,
    };
  });
}

/** What the groups have in common: faults, notices given once, subscriptions to end. */
class Loader {
  readonly #config: SiteConfig;
  readonly #report: Report;
  readonly #noticed = new Set<string>();
  readonly #ends: (() => void)[] = [];

  constructor(config: SiteConfig, report: Report) {
    this.#report = report;
    this.#config = config;
  }

  group<T>(sources: readonly Live<unknown>[], compute: (report: Report) => T): Live<T> {
    const { live, close } = derive(sources, () => compute(this.#report), (reason) => this.#failed(reason));
    this.#ends.push(close);
    return live;
  }

  async files(config: SiteConfig, places: readonly OldPlace[]): Promise<ReadonlyMap<string, Live<string | undefined>>> {
    const files = new Map<string, Live<string | undefined>>();
    for (const { file } of places) if (file !== undefined) files.set(file, await config.value(file));
    return files;
  }

  old(files: ReadonlyMap<string, Live<string | undefined>>) {
    return {
      file: (name: string) => files.get(name)?.value,
      notice: (old: string, present: string) => this.#notice(old, present),
    };
  }

  /** The list of the present key, or of the old file. */
  list<K extends string>(
    section: { readonly [key in K]: readonly string[] },
    key: K,
    old: readonly string[],
    file: string,
    present: string,
  ): readonly string[] {
    if (placeOf(section, key) !== undefined || section[key].length > 0 || old.length === 0) return section[key];
    this.#notice(`The file ${file}`, present);
    return old;
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #notice(old: string, present: string): void {
    if (this.#noticed.has(old)) return;
    this.#noticed.add(old);
    this.#config.log.notice(`${old} is an old place for this setting; it is ${present} now`);
  }

  #failed(reason: unknown): void {
    if (reason instanceof ConfigError) return this.#report(reason.fault);
    this.#config.log.event("config_fault", { file: "configuration", reason: String(reason) });
  }
}
