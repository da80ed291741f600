/**
 * Lines for this machine's log daemon, in the form that syslog(3) writes to its Unix socket.
 *
 * The socket takes datagrams. Deno sends them itself (its `net` features must be switched on); Node knows no such sockets, so there, and
 * where Deno's are switched off, the lines go through `logger` of util-linux, which is started once and fed by a pipe.
 */
import { spawn } from "node:child_process";
import { utf8Encode } from "../base/bytes.ts";
import { syslogTime } from "../base/syslog_time.ts";
import type { Host, LocalLog, LocalLogOptions } from "./types.ts";

/** Deno's, as far as it goes. */
interface DatagramHost {
  listenDatagram?(options: { transport: "unixpacket"; path: string }): {
    send(bytes: Uint8Array, to: { transport: "unixpacket"; path: string }): Promise<number>;
    close(): void;
  };
}

/** What log daemons take at most. */
const MOST_OCTETS = 8192;
let opened = 0;

export async function openLocalLog(host: Host, options: LocalLogOptions): Promise<LocalLog> {
  if (!isThere(host, options.path)) throw new Error(`${options.path} is not there`);
  // Read from `globalThis`: the real one has getters that a copy would not.
  const deno = (globalThis as { Deno?: DatagramHost }).Deno;
  return deno !== undefined && "listenDatagram" in deno
    ? byDatagrams(host, deno as Required<DatagramHost>, options)
    : await byLogger(options);
}

function byDatagrams(host: Host, deno: Required<DatagramHost>, { path, ident, pid, clock }: LocalLogOptions): LocalLog {
  // Deno binds only to a path. Nobody is to answer, so the name goes as soon as it is there.
  const folder = (host.env.get("TMPDIR") ?? "").replace(/\/+$/, "") || "/tmp";
  const own = `${folder}/kasi-log-${host.pid}-${++opened}-${crypto.randomUUID().slice(0, 8)}`;
  const socket = deno.listenDatagram({ transport: "unixpacket", path: own });
  host.removeSync(own);
  let open = true;
  return {
    async write(priority, text) {
      const tag = pid === undefined ? ident : `${ident}[${pid}]`;
      const bytes = utf8Encode(`<${priority}>${syslogTime(clock.now())} ${tag}: ${text}`);
      await socket.send(bytes.subarray(0, MOST_OCTETS), { transport: "unixpacket", path });
    },
    close() {
      if (open) socket.close();
      open = false;
    },
  };
}

function byLogger({ path, ident, pid }: LocalLogOptions): Promise<LocalLog> {
  const size = String(MOST_OCTETS);
  const args = ["--socket", path, "--socket-errors=on", "--prio-prefix", "--size", size, "--tag", ident];
  const child = spawn("logger", pid === undefined ? args : [...args, `--id=${pid}`], {
    stdio: ["pipe", "ignore", "pipe"],
    shell: false,
  });
  let ended: Error | undefined;
  let complaint = "";
  // What it has to complain about comes behind the pipe's end.
  const gone = new Promise<Error>((resolve) => {
    child.once("close", (code) => resolve(ended = new Error(complaint || `logger ended with ${code}`)));
  });
  child.stderr.on("data", (bytes: Uint8Array) => complaint = new TextDecoder().decode(bytes).trim());
  child.stdin.on("error", () => {});
  return new Promise((resolve, reject) => {
    child.once("error", (reason) => {
      ended ??= reason;
      reject(new Error(`Cannot start logger of util-linux, which ${path} needs under Node: ${reason.message}`));
    });
    child.once("spawn", () =>
      resolve({
        write: (priority, text) =>
          new Promise<void>((done, fail) => {
            if (ended !== undefined) return fail(ended);
            child.stdin.write(`<${priority}>${text}\n`, (error) => error ? gone.then(fail) : done());
          }),
        close: () => child.stdin.end(),
      }));
  });
}

function isThere(host: Host, path: string): boolean {
  try {
    host.statSync(path);
    return true;
  } catch {
    return false;
  }
}
