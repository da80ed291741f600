/** The replies to HELO and EHLO, and what the latter lists. */
import type { Capabilities } from "../hooks/session.ts";
import type { Reply } from "../wire/reply.ts";
import { offeredMechanisms } from "./auth.ts";
import type { SessionLimits } from "./context.ts";
import type { Dialogue } from "./dialogue.ts";

const SUBMISSION = 587;

/** Asks the `capabilities` hook after EHLO; remembers what was listed, for only that may be used. */
export function helloReply(talk: Dialogue): Reply | Promise<Reply> {
  const { session, settings } = talk;
  const { remote } = session;
  const greeting = `${settings.me} Hello ${peerName(remote.host, remote.ip)}, ${settings.helo}`;
  // RFC 5321 §4.1.1.1: HELO gets one line.
  if (session.hello?.verb !== "EHLO") return { code: 250, text: greeting };
  const canStartTls = talk.context.upgrade !== undefined && session.tls === undefined;
  const capabilities: { -readonly [K in keyof Capabilities]: Capabilities[K] } = {
    lines: baseLines(talk),
    auth: new Set(),
    canStartTls,
    startTls: false,
  };
  const list = () => listed(talk, greeting, capabilities);
  const ask = () => {
    const asked = talk.ask("capabilities", { session, capabilities });
    return asked instanceof Promise ? asked.then(list) : list();
  };
  // Without TLS nobody may submit mail: there a broken handshake is tried again.
  const broken = canStartTls && session.local.port !== SUBMISSION && talk.context.brokenTls?.has(remote.ip);
  if (!broken) return ask();
  if (broken === true) capabilities.canStartTls = false;
  return broken === true ? ask() : broken.then((isBroken) => {
    capabilities.canStartTls = !isBroken;
    return ask();
  });
}

function listed(talk: Dialogue, greeting: string, capabilities: Capabilities): Reply {
  const startTls = capabilities.startTls && capabilities.canStartTls;
  const auth = offeredMechanisms(talk, capabilities.auth);
  talk.offered = { auth, startTls };
  talk.listed = new Set(capabilities.lines.map(keywordOf));
  const lines = [greeting, ...capabilities.lines];
  if (startTls) lines.push("STARTTLS");
  if (auth.size > 0) lines.push(`AUTH ${[...auth].join(" ")}`);
  return { code: 250, text: lines };
}

function baseLines({ session, settings, context }: Dialogue): string[] {
  const { limits, extensions } = settings;
  const lines = ["PIPELINING", "8BITMIME"];
  if (settings.smtpUtf8) lines.push("SMTPUTF8");
  lines.push(`SIZE ${limits.dataBytes}`);
  if (extensions.binaryMime) lines.push("BINARYMIME");
  if (extensions.dsn) lines.push("DSN");
  // RFC 8689 §4.2: within TLS only.
  if (extensions.requireTls && session.tls !== undefined) lines.push("REQUIRETLS");
  if (extensions.priority) lines.push("MT-PRIORITY");
  if (extensions.deliverBy) {
    lines.push(extensions.deliverByMin > 0 ? `DELIVERBY ${extensions.deliverByMin}` : "DELIVERBY");
  }
  if (extensions.futureRelease > 0 && (session.mayRelay || settings.submissionPorts.includes(session.local.port))) {
    const latest = new Date(context.clock.now() + extensions.futureRelease * 1000).toISOString();
    lines.push(`FUTURERELEASE ${extensions.futureRelease} ${latest.replace(/\.\d+Z$/, "Z")}`);
  }
  if (extensions.limits) lines.push(...limitsLine(limits));
  lines.push("ENHANCEDSTATUSCODES", "CHUNKING");
  return lines;
}

/** RFC 9422 §3: what is limited at all. */
function limitsLine({ messages, recipients, recipientDomains }: SessionLimits): string[] {
  const told = [["MAILMAX", messages], ["RCPTMAX", recipients], ["RCPTDOMAINMAX", recipientDomains]] as const;
  const words = told.filter(([, most]) => most > 0).map(([name, most]) => `${name}=${most}`);
  return words.length === 0 ? [] : [`LIMITS ${words.join(" ")}`];
}

function keywordOf(line: string): string {
  const end = line.indexOf(" ");
  return (end < 0 ? line : line.slice(0, end)).toUpperCase();
}

/** `name [ip]`, or `[ip]` for a peer without a name. */
export function peerName(name: string, ip: string): string {
  return name === "" || name === "NXDOMAIN" || name === "DNSERROR" || name === "Unknown"
    ? `[${ip}]`
    : `${name} [${ip}]`;
}
