/** From outbound.ini and tls.ini to what queue and delivery are given. */
import type { CoreSettings } from "../config/core_types.ts";
import type { Config } from "../config/types.ts";
import { DELIVERY_DEFAULTS, type DeliverySettings } from "../delivery/settings.ts";
import { SiteTable } from "../hooks/site.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { isTemplate, parseImage, type SiteTemplates } from "../mail/report_template.ts";
import { type LiveQueueSettings, QUEUE_DEFAULTS, type QueueSettings } from "../queue/types.ts";
import { clientIdentities, type OwnCertificates } from "./client_identities.ts";
import { derived } from "./session_settings.ts";

/** The files of a site's own words for reports (spec 02 §6). */
const TEXT = "outbound.bounce_message";
const HTML = "outbound.bounce_message_html";
const IMAGE = "outbound.bounce_message_image";

/** What the queue works by. The site's templates for reports are read here and stay live; a broken one is told of and left out. */
export async function queueSettings(core: CoreSettings, config: Config, log: Logger): Promise<LiveQueueSettings> {
  const files = await Promise.all([TEXT, HTML, IMAGE].map((name) => config.data(name)));
  const listeners = new Set<(value: QueueSettings) => void>();
  const templates = derived(files, () => templatesOf(files.map(({ value }) => value.join("\n")), log));
  const current = derived([core.me, core.outbound, core.sites, ...files], (): QueueSettings => {
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
      bounceTemplates: templates(),
      delayWarningMs: outbound.delayWarningMs,
      delayWarningFor: outbound.delayWarningFor,
      fullReportBytes: outbound.fullReportBytes,
      keyWindowMs: outbound.idempotencyWindowMs,
      mostKeys: outbound.idempotencyKeys,
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

function templatesOf([text = "", html = "", image = ""]: readonly string[], log: Logger): SiteTemplates {
  const parsed = isTemplate(image) ? parseImage(image) : undefined;
  if (parsed === undefined || "part" in parsed) return { text, html, image };
  log.error(`${IMAGE} is left out of reports: ${parsed.fault}`);
  return { text, html, image: "" };
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
