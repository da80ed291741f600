/**
 * What the server says of itself: `/health`, `/status` as JSON, `/metrics` for Prometheus. Numbers only: no addresses, no settings, nothing
 * that must be kept from a reader.
 */
import type { HttpFace } from "../hooks/http.ts";
import type { Gauge, Metrics } from "./metrics.ts";

/** The server's state at this moment; asked at each request. */
export interface Snapshot {
  readonly uptimeSeconds: number;
  readonly sessions: number;
  readonly queue: {
    readonly inProgress: number;
    readonly queued: number;
    readonly tempFail: number;
    readonly held: number;
    /** Seconds since the oldest item was queued; 0 without items. */
    readonly oldestSeconds: number;
  };
  readonly delivery: {
    readonly connections: number;
    readonly idle: number;
    readonly waiting: number;
    readonly opened: number;
    readonly reused: number;
  };
  /** Destinations by how they stand; each worker counts its own. */
  readonly sites: {
    readonly well: number;
    readonly slow: number;
    readonly resting: number;
    readonly probing: number;
    readonly suspended: number;
  };
  readonly memory: { readonly rss: number; readonly heapUsed: number };
  readonly webSockets: number;
}

export interface StatusOptions {
  readonly version: string;
  readonly metrics: Metrics;
  readonly snapshot: () => Snapshot | Promise<Snapshot>;
}

const GAUGES: { readonly [name: string]: { readonly help: string; readonly of: (now: Snapshot) => number } } = {
  uptime_seconds: { help: "Seconds since the start.", of: (now) => now.uptimeSeconds },
  sessions: { help: "Inbound connections open now.", of: (now) => now.sessions },
  queue_in_progress: { help: "Items being delivered.", of: (now) => now.queue.inProgress },
  queue_ready: { help: "Items waiting for a free slot.", of: (now) => now.queue.queued },
  queue_waiting: { help: "Items waiting for their next attempt.", of: (now) => now.queue.tempFail },
  queue_held: { help: "Items held by the operator.", of: (now) => now.queue.held },
  queue_oldest_seconds: {
    help: "Age of the oldest queued item; 0 without items.",
    of: (now) => now.queue.oldestSeconds,
  },
  delivery_connections: { help: "Outbound connections open now.", of: (now) => now.delivery.connections },
  delivery_connections_idle: {
    help: "Outbound connections kept for the next message.",
    of: (now) => now.delivery.idle,
  },
  delivery_connections_opened: {
    help: "Outbound connections opened since the start.",
    of: (now) => now.delivery.opened,
  },
  delivery_connections_reused: { help: "Messages sent over a kept connection.", of: (now) => now.delivery.reused },
  destinations_well: { help: "Destinations that have mail now and take it.", of: (now) => now.sites.well },
  destinations_slow: { help: "Destinations slowed down for what they replied.", of: (now) => now.sites.slow },
  destinations_resting: { help: "Destinations that rest: nothing is sent to them.", of: (now) => now.sites.resting },
  destinations_probing: { help: "Destinations tried by one message after a rest.", of: (now) => now.sites.probing },
  destinations_suspended: { help: "Destinations suspended by the operator.", of: (now) => now.sites.suspended },
  memory_rss_bytes: { help: "Resident memory.", of: (now) => now.memory.rss },
  memory_heap_bytes: { help: "Memory of JavaScript values.", of: (now) => now.memory.heapUsed },
  web_sockets: { help: "WebSockets open now.", of: (now) => now.webSockets },
};

/** Adds the three routes. */
export function addStatus(http: HttpFace, { version, metrics, snapshot }: StatusOptions): void {
  const fresh = (body: string, type: string) =>
    new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
  http.get("/health", () => fresh("ok\n", "text/plain; charset=utf-8"));
  http.get("/status", async () => {
    const now = await snapshot();
    return fresh(JSON.stringify({ version, ...now, counts: metrics.totals() }, null, 2) + "\n", "application/json");
  });
  http.get("/metrics", async () => {
    const now = await snapshot();
    const gauges = Object.entries(GAUGES).map((
      [name, { help, of }],
    ): [string, Gauge] => [name, { help, value: of(now) }]);
    return fresh(metrics.text(Object.fromEntries(gauges)), "text/plain; version=0.0.4; charset=utf-8");
  });
}
