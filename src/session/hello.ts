/** The replies to HELO and EHLO, and what the latter lists. */
import type { Capabilities } from "../hooks/session.ts";
import type { Reply } from "../wire/reply.ts";
import { offeredMechanisms } from "./auth.ts";
import type { SessionSettings } from "./context.ts";
import type { Dialogue } from "./dialogue.ts";

/** Asks the `capabilities` hook after EHLO; remembers what was listed, for only that may be used. */
export function helloReply(talk: Dialogue): Reply | Promise<Reply> {
  const { session, settings } = talk;
  const { remote } = session;
  const greeting = `${settings.me} Hello ${peerName(remote.host, remote.ip)}, ${settings.helo}`;
  // RFC 5321 §4.1.1.1: HELO gets one line.
  if (session.hello?.verb !== "EHLO") return { code: 250, text: greeting };
  const capabilities: Capabilities = {
    lines: baseLines(settings),
    auth: new Set(),
    canStartTls: talk.context.upgrade !== undefined && session.tls === undefined,
    startTls: false,
  };
  const asked = talk.ask("capabilities", { session, capabilities });
  const list = () => listed(talk, greeting, capabilities);
  return asked instanceof Promise ? asked.then(list) : list();
}

function listed(talk: Dialogue, greeting: string, capabilities: Capabilities): Reply {
  const startTls = capabilities.startTls && capabilities.canStartTls;
  const auth = offeredMechanisms(talk, capabilities.auth);
  talk.offered = { auth, startTls };
  const lines = [greeting, ...capabilities.lines];
  if (startTls) lines.push("STARTTLS");
  if (auth.size > 0) lines.push(`AUTH ${[...auth].join(" ")}`);
  return { code: 250, text: lines };
}

function baseLines(settings: SessionSettings): string[] {
  const lines = ["PIPELINING", "8BITMIME"];
  if (settings.smtpUtf8) lines.push("SMTPUTF8");
  lines.push(`SIZE ${settings.limits.dataBytes}`, "ENHANCEDSTATUSCODES", "CHUNKING");
  return lines;
}

/** `name [ip]`, or `[ip]` for a peer without a name. */
export function peerName(name: string, ip: string): string {
  return name === "" || name === "NXDOMAIN" || name === "DNSERROR" || name === "Unknown"
    ? `[${ip}]`
    : `${name} [${ip}]`;
}
