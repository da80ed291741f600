/**
 * The HTTP server of http.ini: the app with the plugins' routes and our own, WebSockets where a plugin asks for them, one listener per endpoint.
 *
 * Only loaded where http.ini has endpoints. An endpoint that cannot be bound is logged, and mail goes on without it.
 */
import { formatEndpoint } from "../config/endpoint.ts";
import type { HttpSettings } from "../config/core_types.ts";
import { type HttpServerOptions, serveHttp } from "../host/http_server.ts";
import type { Addr, HttpPair, HttpServer, Machine } from "../host/types.ts";
import type { ServerFace } from "../hooks/plugin.ts";
import type { Hooks } from "../hooks/runner.ts";
import { createApp } from "../http/app.ts";
import { type Counts, createMetrics } from "../http/metrics.ts";
import { addStatus, type Snapshot } from "../http/status.ts";
import { createWebSockets } from "../http/web_sockets.ts";
import type { Logging } from "../log/logging.ts";
import type { Logger } from "../log/types.ts";
import { describe } from "./listeners.ts";
import { absoluteIn, shippedPath, type Site } from "./site.ts";
import type { TlsStore } from "./tls_store.ts";

type Now = Pick<Snapshot, "sessions" | "delivery" | "sites"> & {
  readonly queue: Omit<Snapshot["queue"], "oldestSeconds"> & { readonly oldest: number | undefined };
  readonly counts?: readonly Counts[];
};

export interface HttpOptions {
  readonly machine: Machine;
  readonly config: HttpSettings;
  readonly site: Pick<Site, "dir" | "dataDir">;
  readonly log: Logger;
  readonly logging: Logging;
  readonly hooks: Hooks;
  readonly face: ServerFace;
  readonly tls: Pick<TlsStore, "defaultPair" | "onChange">;
  /** Asked at each request. Workers' counts since the last time may come along. */
  readonly snapshot: () => Now | Promise<Now>;
}

export interface RunningHttp {
  readonly addresses: readonly Addr[];
  /** Takes no more requests; those under way get `deadlineMs`, two seconds at most. */
  close(deadlineMs: number): Promise<void>;
}

const HTTPS_PORT = 443;
/** Pages are short: a client that dribbles shall not hold up the end of the server. */
const MOST_GRACE_MS = 2000;

export async function startHttp(options: HttpOptions): Promise<RunningHttp> {
  const { machine: { host, clock }, config, site, log, logging, hooks, face, tls } = options;
  const started = clock.now();
  const metrics = createMetrics();
  const others = logging.onEvent;
  logging.onEvent = (name, event) => {
    metrics.count(name, event);
    others?.(name, event);
  };

  const app = createApp({ host, log, docroot: docrootOf(host, config, site) });
  const sockets = createWebSockets(log);
  const server = { ...face, http: app.face };
  await hooks.run("init_http", { server }, { log });
  if (hooks.has("init_wss")) {
    app.sockets = sockets.accept;
    await hooks.run("init_wss", { server: { ...server, wss: sockets.face } }, { log });
  }
  addStatus(app.face, {
    version: face.version,
    metrics,
    snapshot: async () => {
      const { queue: { inProgress, queued, tempFail, held, oldest }, sessions, delivery, sites, counts } = await options
        .snapshot();
      for (const each of counts ?? []) metrics.add(each);
      const { rss, heapUsed } = host.memoryUsage();
      return {
        uptimeSeconds: Math.floor((clock.now() - started) / 1000),
        sessions,
        delivery,
        sites: { ...sites },
        queue: { inProgress, queued, tempFail, held, oldestSeconds: ageOf(oldest, clock.now()) },
        memory: { rss, heapUsed },
        webSockets: sockets.size,
      };
    },
  });

  const open: HttpServer[] = [];
  const secured: HttpServer[] = [];
  for (const endpoint of config.listen) {
    const secure = endpoint.kind === "tcp" && endpoint.port === HTTPS_PORT;
    try {
      const opened = await bind({ host, endpoint, handler: app.handle, ...(secure ? { tls: tls.defaultPair } : {}) });
      open.push(opened);
      if (secure) secured.push(opened);
      log.notice(`HTTP${secure ? "S" : ""} on ${describe(opened.addr)}`);
    } catch (cause) {
      log.error(`No HTTP on ${formatEndpoint(endpoint)}: ${cause instanceof Error ? cause.message : cause}`);
    }
  }
  let shown = tls.defaultPair;
  let renewing = Promise.resolve();
  const unwatch = tls.onChange(() => {
    const pair = tls.defaultPair;
    if (pair.cert === shown.cert && pair.key === shown.key) return;
    shown = pair;
    renewing = renewing.then(() => renewAll(secured, pair, log));
  });
  return {
    addresses: open.map(({ addr }) => addr),
    async close(deadlineMs) {
      unwatch();
      sockets.close();
      await renewing;
      await Promise.all(open.splice(0).map((each) => each.close(Math.min(deadlineMs, MOST_GRACE_MS))));
      logging.onEvent = others;
    },
  };
}

/** Never rejects: with the old certificate it goes on as before. */
async function renewAll(servers: readonly HttpServer[], pair: HttpPair, log: Logger): Promise<void> {
  for (const server of servers) {
    try {
      await server.renew(pair);
      log.notice(`HTTPS on ${describe(server.addr)} has a new certificate`);
    } catch (cause) {
      log.error(`HTTPS keeps its certificate: ${cause instanceof Error ? cause.message : cause}`);
    }
  }
}

/** In seconds. */
function ageOf(since: number | undefined, now: number): number {
  return since === undefined ? 0 : Math.max(0, Math.floor((now - since) / 1000));
}

async function bind(options: HttpServerOptions): Promise<HttpServer> {
  try {
    return await serveHttp(options);
  } catch (cause) {
    const { endpoint } = options;
    // A machine without IPv6: all addresses are those of IPv4.
    if ("path" in endpoint || endpoint.host !== "::" || !/EAFNOSUPPORT|family/i.test(String(cause))) throw cause;
    return await serveHttp({ ...options, endpoint: { ...endpoint, host: "0.0.0.0" } });
  }
}

/** As configured, relative to the site; else `http/html` of the site; else the pages that come with the program. */
function docrootOf(host: Machine["host"], { docroot }: HttpSettings, { dir, dataDir }: HttpOptions["site"]): string {
  if (docroot !== undefined) return absoluteIn(dir ?? dataDir, docroot);
  const own = `${dir ?? dataDir}/http/html`;
  try {
    if (host.statSync(own).isDirectory) return own;
  } catch {
    // not there
  }
  return shippedPath("config/http");
}
