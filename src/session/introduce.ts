/**
 * Behind a proxy the session's client is not the one at the socket: the PROXY header in front of everything says who is (spec 01 §8.6), and
 * XCLIENT says so later. Only peers of `connection.ini [haproxy] hosts` are read so, and they must send a header: no hook runs and no banner
 * is sent before.
 */
import { ipInList } from "../base/ip.ts";
import type { ClientFacts } from "../hooks/session.ts";
import { type ProxyHeader, readProxyHeader } from "../wire/proxy.ts";
import { forgetAuth } from "./auth.ts";
import { type Dialogue, Gone } from "./dialogue.ts";
import type { Step } from "./phase.ts";
import { TEXTS } from "./texts.ts";

/** How long a proxy may take to say whom it speaks for. */
const PROXY_MS = 30_000;

export function isBehindProxy({ session, settings, context }: Dialogue): boolean {
  return context.proxy !== undefined ||
    (settings.haproxyHosts.length > 0 && session.tls === undefined &&
      ipInList(settings.haproxyHosts, session.remote.ip));
}

/** Reads the header, unless that has been done, and puts the client in the proxy's place. A step only when there is none to be had. */
export async function introduce(talk: Dialogue): Promise<Step | undefined> {
  const header = talk.context.proxy ?? await headerOf(talk);
  if (typeof header !== "string") {
    const reason = take(talk, header);
    if (reason === undefined) return undefined;
    return unfit(talk, reason);
  }
  return unfit(talk, header);
}

function unfit({ session }: Dialogue, reason: string): Step {
  session.log.notice("Refused a PROXY header", { ip: session.remote.ip, reason });
  return { reply: TEXTS.proxyFormat, next: { at: "closed" } };
}

/** The header, or what is wrong with it. */
async function headerOf(talk: Dialogue): Promise<ProxyHeader | string> {
  const timer = talk.context.clock.after(PROXY_MS, () => {
    talk.stop(new Gone("the proxy does not say whom it speaks for", TEXTS.proxyTimeout));
  });
  try {
    const parsed = await readProxyHeader(async (length) => {
      const next = talk.reader.bytes(length).next();
      const event = next instanceof Promise ? await talk.arrival(next) : next;
      return event.kind === "chunk" ? event.bytes.slice() : undefined;
    });
    if (parsed === undefined) throw talk.left();
    return parsed.kind === "header" ? parsed.header : parsed.reason;
  } finally {
    timer.cancel();
  }
}

/** What is wrong with the header, if anything is. */
function take(talk: Dialogue, { speaksFor, family, source, destination, tlvs }: ProxyHeader): string | undefined {
  const { session } = talk;
  // The proxy's own question after our health: it is the client.
  if (speaksFor === "local") return undefined;
  // Some client that the proxy can't name must not have the rights that the proxy's address may have.
  if (source === undefined || destination === undefined) return "it does not name the client";
  const proxyIp = session.remote.ip;
  standFor(talk, { remote: source, local: destination }, "haproxy");
  session.notes.set("proxy", {
    type: "haproxy",
    proto: family,
    src_ip: source.ip,
    src_port: source.port,
    dst_ip: destination.ip,
    dst_port: destination.port,
    proxy_ip: proxyIp,
    tlvs,
  });
  return undefined;
}

/** Another client takes the place of the one so far, and nothing that was granted to that one holds. */
export function standFor(talk: Dialogue, { remote, local, hello }: ClientFacts, type: "haproxy" | "xclient"): void {
  const { session } = talk;
  forgetAuth(talk);
  talk.relayedBefore = session.relaying = false;
  talk.offered = { auth: new Set(), startTls: false };
  // A server behind a proxy that passes on XCLIENT: the latter spoke last.
  session.proxy = { type, ip: session.proxy?.type === type ? session.proxy.ip : session.remote.ip };
  session.results.forget();
  session.remote.become(remote.ip, remote.port, remote.host ?? "");
  if (local !== undefined) session.local = { ...session.local, ip: local.ip, port: local.port };
  session.hello = hello;
  session.esmtp = hello?.verb === "EHLO";
}
