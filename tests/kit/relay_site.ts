/**
 * A site that takes mail from everybody and sends it all to one port of this machine, and what one can learn of its process from outside.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** Whether the full sizes are wanted (minutes), or those for every day. */
export const LONG = process.env.KASI_LONG === "1";

/** Files for `startKasi`: a plugin that relays for all, with `nextHop` as everybody's mail exchanger. */
export function relaySite(nextHop: number, files: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    "config/plugins": "to_next_hop\n",
    "plugins/to_next_hop.ts": `
      import { answer, type Plugin } from "kasi";
      export default {
        name: "to_next_hop",
        hooks: {
          connect({ session }) { session.relaying = true; },
          get_mx() { return answer("127.0.0.1:${nextHop}"); },
        },
      } satisfies Plugin;
    `,
    "config/outbound.ini": "[main]\ntemp_fail_intervals=5s*1000\n",
    "config/log.ini": "[main]\nlevel=notice\n",
    ...files,
  };
}

/** Resident memory in MiB, as the kernel counts it. */
export function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024;
}

/** Open file descriptors. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Samples a process until disposed; `peak` is in MiB. */
export class RssWatch implements Disposable {
  peak: number;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(pid: number, everyMs = 20) {
    this.peak = rssOf(pid);
    this.#timer = setInterval(() => {
      if (existsSync(`/proc/${pid}/status`)) this.peak = Math.max(this.peak, rssOf(pid));
    }, everyMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
