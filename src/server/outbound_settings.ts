/** From outbound.ini and tls.ini to what queue and delivery are given. */
import type { CoreSettings } from "../config/core_settings.ts";
import type { Config } from "../config/types.ts";
import { type ClientIdentity, DELIVERY_DEFAULTS, type DeliverySettings } from "../delivery/settings.ts";
import type { Host } from "../host/types.ts";
import { type LiveQueueSettings, QUEUE_DEFAULTS, type QueueSettings } from "../queue/types.ts";
import { derived } from "./session_settings.ts";

/** What the queue works by. The site's template for reports is read here and stays live. */
export async function queueSettings(core: CoreSettings, config: Config): Promise<LiveQueueSettings> {
  const template = await config.data("outbound.bounce_message");
  const listeners = new Set<(value: QueueSettings) => void>();
  const current = derived([core.me, core.outbound, template], (): QueueSettings => {
    const outbound = core.outbound.value;
    const value: QueueSettings = {
      ...QUEUE_DEFAULTS,
      me: core.me.value,
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

/** What the courier works by; asked at each attempt. */
export function deliverySettings(core: CoreSettings, config: Config, host: Host): () => DeliverySettings {
  return derived([core.me, core.outbound, core.tls], (): DeliverySettings => {
    const outbound = core.outbound.value;
    const tls = core.tls.value;
    const minTls = tls.outbound.minVersion;
    const identity = tls.mutualTls
      ? clientIdentity(config, host, tls.outbound.key[0], tls.outbound.cert[0])
      : undefined;
    return {
      ...DELIVERY_DEFAULTS,
      helo: core.me.value,
      connectTimeoutMs: outbound.connectTimeoutMs,
      enableTls: outbound.enableTls,
      localMxOk: outbound.localMxOk,
      inetPrefer: outbound.inetPrefer,
      forceTlsHosts: tls.forceTlsHosts,
      noTlsHosts: tls.outboundNoTlsHosts,
      brokenTlsMs: tls.disableExpiryMs,
      ...(identity === undefined ? {} : { identity }),
      ...(minTls === "TLSv1.2" || minTls === "TLSv1.3" ? { minTls } : {}),
      ...(tls.outbound.ca === undefined ? {} : { ca: [host.readTextFileSync(config.path(tls.outbound.ca))] }),
    };
  });
}

function clientIdentity(config: Config, host: Host, key?: string, cert?: string): ClientIdentity | undefined {
  if (key === undefined || cert === undefined) return undefined;
  return { key: host.readTextFileSync(config.path(key)), cert: host.readTextFileSync(config.path(cert)) };
}
