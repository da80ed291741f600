/**
 * Counters over the log's named events and gauges of the server, in the text form that Prometheus reads (version 0.0.4).
 *
 * Addresses and texts never become labels: labels are few, and nothing of anybody's mail can be read here.
 */
import type { EventName, EventOf } from "../log/events.ts";

/** One counter: which events count, by how much (1 by default), under which labels. */
interface Row<N extends EventName = EventName> {
  readonly help: string;
  readonly of: N;
  readonly labels?: (event: EventOf<N>) => { readonly [name: string]: string };
  readonly amount?: (event: EventOf<N>) => number;
}
type AnyRow = { readonly [N in EventName]: Row<N> }[EventName];

const byReply = ({ code }: { readonly code: number }) => ({ reply: `${Math.floor(code / 100)}xx` });

const COUNTERS: { readonly [name: string]: AnyRow } = {
  connections: { of: "connect", help: "Connections taken." },
  disconnections: { of: "disconnect", help: "Connections ended." },
  received_bytes: {
    of: "disconnect",
    help: "Octets of mail taken, counted when its connection ends.",
    amount: ({ bytes }) => bytes,
  },
  tls_handshakes: { of: "secured", help: "Connections secured.", labels: ({ version }) => ({ version }) },
  senders: { of: "sender", help: "MAIL commands, by the first digit of the reply.", labels: byReply },
  recipients: { of: "recipient", help: "RCPT commands, by the first digit of the reply.", labels: byReply },
  messages: { of: "message", help: "Messages heard to their end, by the first digit of the reply.", labels: byReply },
  verdicts: {
    of: "verdict",
    help: "What plugins decided.",
    labels: ({ hook, plugin, verdict }) => ({ hook, plugin, verdict }),
  },
  plugin_faults: {
    of: "plugin_fault",
    help: "Hook functions that threw or were late.",
    labels: ({ hook, plugin }) => ({ hook, plugin }),
  },
  delivered: { of: "delivered", help: "Attempts that delivered." },
  deferred: { of: "deferred", help: "Attempts that will be repeated." },
  bounced: { of: "bounced", help: "Mails given up." },
  double_bounces: { of: "double_bounce", help: "Reports that could not be delivered." },
  queue_damages: { of: "queue_corrupt", help: "Damaged pieces of the queue set aside." },
  config_faults: { of: "config_fault", help: "Reloads that were refused." },
};

export interface Gauge {
  readonly help: string;
  readonly value: number;
}

/** Counter → labels → count. */
export type Counts = { readonly [counter: string]: { readonly [labels: string]: number } };

export interface Metrics {
  /** What was counted since the last time, for whoever adds it up. */
  drain(): Counts;
  /** Adds what another thread counted. */
  add(counts: Counts): void;
  count<N extends EventName>(name: N, event: EventOf<N>): void;
  /** Counter → its value over all labels. */
  totals(): { readonly [counter: string]: number };
  text(gauges: { readonly [name: string]: Gauge }): string;
}

export function createMetrics(): Metrics {
  const counters = Object.entries(COUNTERS).map(([name, row]) => ({
    name,
    row: row as Row,
    values: new Map<string, number>(row.labels === undefined ? [["", 0]] : []),
  }));
  const byEvent = new Map(counters.map(({ row }) => [row.of, counters.filter((each) => each.row.of === row.of)]));

  return {
    count(name, event) {
      for (const { row, values } of byEvent.get(name) ?? []) {
        const labels = row.labels === undefined ? "" : labelText(row.labels(event));
        values.set(labels, (values.get(labels) ?? 0) + (row.amount?.(event) ?? 1));
      }
    },
    drain() {
      const taken = Object.fromEntries(counters.map(({ name, values }) => [name, Object.fromEntries(values)]));
      for (const { values } of counters) for (const labels of values.keys()) values.set(labels, 0);
      return taken;
    },
    add(counts) {
      for (const { name, values } of counters) {
        for (const [labels, count] of Object.entries(counts[name] ?? {})) {
          values.set(labels, (values.get(labels) ?? 0) + count);
        }
      }
    },
    totals: () => Object.fromEntries(counters.map(({ name, values }) => [name, sum(values.values())])),
    text(gauges) {
      const lines: string[] = [];
      for (const { name, row, values } of counters) {
        lines.push(...head(`kasi_${name}_total`, row.help, "counter"));
        for (const [labels, value] of values) lines.push(`kasi_${name}_total${labels} ${value}`);
      }
      for (const [name, { help, value }] of Object.entries(gauges)) {
        lines.push(...head(`kasi_${name}`, help, "gauge"), `kasi_${name} ${value}`);
      }
      return lines.join("\n") + "\n";
    },
  };
}

const head = (name: string, help: string, type: string) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];

function labelText(labels: { readonly [name: string]: string }): string {
  const escaped = (value: string) => value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
  return `{${Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
