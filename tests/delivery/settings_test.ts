import assert from "node:assert/strict";
import { DELIVERY_DEFAULTS } from "../../src/delivery/settings.ts";
import { test } from "../kit/test.ts";

test("an empty configuration means what Haraka's outbound.ini and tls.ini say", () => {
  const { connectTimeoutMs, enableTls, localMxOk, inetPrefer, brokenTlsMs, forceTlsHosts, noTlsHosts } =
    DELIVERY_DEFAULTS;
  assert.deepEqual({ connectTimeoutMs, enableTls, localMxOk, inetPrefer, brokenTlsMs, forceTlsHosts, noTlsHosts }, {
    connectTimeoutMs: 30_000,
    enableTls: true,
    localMxOk: false,
    inetPrefer: "default",
    brokenTlsMs: 604_800_000,
    forceTlsHosts: [],
    noTlsHosts: [],
  });
});
