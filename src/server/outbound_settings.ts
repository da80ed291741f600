/** From outbound.ini and tls.ini to what queue and delivery are given. */
import type { CoreSettings } from "../config/core_settings.ts";
import type { Config } from "../config/types.ts";
import { DELIVERY_DEFAULTS, type DeliverySettings } from "../delivery/settings.ts";
import { SiteTable } from "../hooks/site.ts";
import type { Host } from "../host/types.ts";
import { type LiveQueueSettings, QUEUE_DEFAULTS, type QueueSettings } from "../queue/types.ts";
import { clientIdentities, type OwnCertificates } from "./client_identities.ts";
import { derived } from "./session_settings.ts";

/** What the queue works by. The site's template for reports is read here and stays live. */
export async function queueSettings(core: CoreSettings, config: Config): Promise<LiveQueueSettings> {
  const template = await config.data("outbound.bounce_message");
  const listeners = new Set<(value: QueueSettings) => void>();
  const current = derived([core.me, core.outbound, core.sites, template], (): QueueSettings => {
    const outbound = core.outbound.value;
    const value: QueueSettings = {
      ...QUEUE_DEFAULTS,
      me: core.me.value,
      sites: new SiteTable(core.sites.value),
      intervals: outbound.tempFailIntervalsMs,
      concurrencyMax: outbound.concurrencyMax,
      disabled: outbound.disabled,
      alwaysSplit: outbound.alwaysSplit,
      receivedHeader: outbound.receivedHeader ?? "disabled",
      bounceTemplate: template.value.join("\n"),
      delayWarningMs: outbound.delayWarningMs,
      delayWarningFor: outbound.delayWarningFor,
      fullReportBytes: outbound.fullReportBytes,
    };
    queueMicrotask(() => {
      for (const listener of listeners) listener(value);
    });
    return value;
  });
  return {
    get value() {
      return current();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What the courier works by; asked at each attempt. `certificates`: those that hosts may be shown. */
export function deliverySettings(
  core: CoreSettings,
  config: Config,
  host: Host,
  certificates?: OwnCertificates,
): () => DeliverySettings {
  return derived([core.me, core.outbound, core.sites, core.tls], (): DeliverySettings => {
    const outbound = core.outbound.value;
    const tls = core.tls.value;
    const minTls = tls.outbound.minVersion;
    return {
      ...DELIVERY_DEFAULTS,
      helo: core.me.value,
      sites: new SiteTable(core.sites.value),
      connectTimeoutMs: outbound.connectTimeoutMs,
      enableTls: outbound.enableTls,
      localMxOk: outbound.localMxOk,
      inetPrefer: outbound.inetPrefer,
      forceTlsHosts: tls.forceTlsHosts,
      noTlsHosts: tls.outboundNoTlsHosts,
      rememberBrokenTls: tls.disableForFailedHosts,
      brokenTlsMs: tls.disableExpiryMs,
      verifyAlways: tls.outbound.rejectUnauthorized,
      ...(certificates && { identityFor: clientIdentities(tls, config, host, certificates) }),
      ...(minTls === "TLSv1.2" || minTls === "TLSv1.3" ? { minTls } : {}),
      ...(tls.outbound.ca === undefined ? {} : { ca: [host.readTextFileSync(config.path(tls.outbound.ca))] }),
      ...(tls.outbound.ciphers === undefined ? {} : { ciphers: tls.outbound.ciphers }),
    };
  });
}
