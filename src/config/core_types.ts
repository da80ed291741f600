/**
 * The types of what the server itself reads of the configuration (`core_settings.ts`). Each group is live: read `.value` once per session or
 * attempt.
 */
import type { LevelName } from "../log/types.ts";
import type { Endpoint } from "./endpoint.ts";
import type { SitesSettings } from "./sites.ts";
import type { Live } from "./types.ts";

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
