/**
 * NSD, the name server of NLnet Labs, with zones from text, on a free loopback port (UDP and TCP).
 *
 * `await using dns = await startNsd({ "example.test": ZONE })`; the name of a zone may be `.`, so that one zone holds all there is.
 */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free_port.ts";
import { answers, ending, without } from "./mail_programs.ts";
import { eventually, temporaryDir } from "./site.ts";
import { which } from "../setup.ts";

export const withoutNsd = (): string | undefined => without("nsd");

export interface Nsd extends AsyncDisposable {
  readonly port: number;
}

export async function startNsd(zones: { readonly [name: string]: string }): Promise<Nsd> {
  const port = await freePort();
  const dir = temporaryDir("kasi-nsd-");
  const named = Object.entries(zones).map(([name, text], i) => {
    writeFileSync(join(dir, `zone${i}`), text);
    return `zone:\n name: "${name}"\n zonefile: zone${i}\n`;
  });
  const paths =
    `zonesdir: "${dir}"\n database: ""\n pidfile: ""\n xfrdfile: "${dir}/xfrd"\n zonelistfile: "${dir}/zones"\n xfrdir: "${dir}"`;
  const server = `server:\n ip-address: 127.0.0.1@${port}\n server-count: 1\n username: ""\n ${paths}\n`;
  writeFileSync(join(dir, "nsd.conf"), `${server}remote-control:\n control-enable: no\n${named.join("")}`);
  const child = spawn(which("nsd")!, ["-d", "-c", join(dir, "nsd.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr!.on("data", (bytes: Uint8Array) => said += new TextDecoder().decode(bytes));
  const stop = ending(child, () => rmSync(dir, { recursive: true, force: true }));
  try {
    await eventually(() => answers(port), 10_000, "NSD");
  } catch (cause) {
    await stop();
    throw new Error(`NSD does not start: ${said}`, { cause });
  }
  // A zone with a fault is left out, and NSD serves on.
  if (/error/i.test(said)) {
    await stop();
    throw new Error(`NSD takes offence: ${said}`);
  }
  return { port, [Symbol.asyncDispose]: stop };
}
