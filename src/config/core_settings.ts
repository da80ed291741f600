/**
 * What the server itself reads of the configuration, in one typed view: `me`, the listeners, limits, texts, outbound, TLS, HTTP, log.
 *
 * Each group is live: read `.value` once per session or attempt. Where 3.1's `connection.ini` says nothing, 3.0's flat files and
 * smtp.ini keys are honoured, with one notice each. {@linkcode loadCoreSettings} throws ConfigError for a value of the wrong form;
 * a wrong value that comes with a reload is logged and the last good ones stay.
 */
import type { Endpoint } from "./endpoint.ts";
import type { Live } from "./types.ts";

export interface CoreSettings {
  /** The server's name. */
  readonly me: Live<string>;
  /** What holds from the start of the process: listeners, workers, user. A change needs a restart. */
  readonly server: Live<ServerSettings>;
  readonly connection: Live<ConnectionSettings>;
  readonly outbound: Live<OutboundSettings>;
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
  /** As configured: relative to the site; undefined where the caller shall choose. */
  readonly queueDir: string | undefined;
  readonly internalCommandKey: string | undefined;
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
  /** Milliseconds before each further attempt; the failure after the last bounces. */
  readonly tempFailIntervalsMs: readonly number[];
}

/** tls.ini. Paths are as configured, to be asked of `config.path()`. */
export interface TlsSettings {
  readonly inbound: TlsOptions;
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
}
export interface TlsOptions {
  /** Equal counts; key n belongs to cert n. */
  readonly key: readonly string[];
  readonly cert: readonly string[];
  readonly ca: string | undefined;
  readonly passphrase: string | undefined;
  readonly dhparam: string | undefined;
  readonly ciphers: string | undefined;
  readonly minVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  readonly honorCipherOrder: boolean;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** http.ini. */
export interface HttpSettings {
  /** [] for no HTTP. */
  readonly listen: readonly Endpoint[];
  readonly docroot: string | undefined;
}

/** log.ini, with the flat files `loglevel` and `log_timestamps`. */
export interface LogSettings {
  readonly level: "EMERG" | "ALERT" | "CRIT" | "ERROR" | "WARN" | "NOTICE" | "INFO" | "DEBUG" | "PROTOCOL" | "DATA";
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
}

/** net-utils.ini `[dns]`. */
export interface DnsSettings {
  readonly timeoutMs: number;
  readonly tries: number;
}
