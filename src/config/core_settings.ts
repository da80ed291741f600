/**
 * What the server itself reads of the configuration, in one typed view: `me`, the listeners, limits, texts, outbound, TLS, HTTP, log.
 *
 * Each group is live: read `.value` once per session or attempt. Where 3.1's `connection.ini` says nothing, 3.0's flat files and
 * smtp.ini keys are honoured, with one notice each. {@linkcode loadCoreSettings} throws ConfigError for a value of the wrong form;
 * a wrong value that comes with a reload is logged and the last good ones stay.
 */
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
import type { CoreSettings, PluginSettings } from "./core_types.ts";
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
import { sitesSettings } from "./sites.ts";
import type { Live, SiteConfig } from "./types.ts";

/** `report` hears of each fault that is done without: a bad entry of `listen`, a bad schedule. By default it is logged. */
export async function loadCoreSettings(
  config: SiteConfig,
  report: Report = (fault, event) => config.report(fault, event),
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
    if (reason instanceof ConfigError) return this.#report(reason.fault, "config_fault");
    this.#config.log.event("config_fault", { file: "configuration", reason: String(reason) });
  }
}
