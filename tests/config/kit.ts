/** A configuration in memory: files as literals, a clock that tests move, a log that keeps what it was told. */
import type { ConfigFault } from "../../src/base/config_error.ts";
import { createConfig } from "../../src/config/config.ts";
import type { ConfigOptions } from "../../src/config/config.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";

export type Files = { readonly [path: string]: string };

/** Paths relative to `/`: `site/smtp.ini`, `defaults/smtp.ini`. */
export function site(files: Files = {}, options: Partial<ConfigOptions> = {}) {
  const machine = memoryMachine({ hostname: "os.kasi.test" });
  const write = (path: string, text: string | Uint8Array) => {
    machine.host.mkdirSync(`/${path}`.slice(0, path.lastIndexOf("/") + 1) || "/", { recursive: true });
    machine.host.writeFileSync(`/${path}`, typeof text === "string" ? new TextEncoder().encode(text) : text);
  };
  machine.host.mkdirSync("/site", { recursive: true });
  machine.host.mkdirSync("/defaults", { recursive: true });
  for (const [path, text] of Object.entries(files)) write(path, text);
  const log = memoryLog();
  const faults: ConfigFault[] = [];
  const config = createConfig({
    host: machine.host,
    dir: "/site",
    defaultsDir: "/defaults",
    clock: machine.clock,
    log: log.log,
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  return {
    machine,
    clock: machine.clock,
    config,
    log,
    faults,
    write,
    remove: (path: string) => machine.host.removeSync(`/${path}`),
  };
}
