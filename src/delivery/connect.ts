/**
 * Opens a conversation: dial, greeting, EHLO or LHLO, STARTTLS as the policy says, EHLO again, XCLIENT where we speak for a client, AUTH.
 *
 * Gives a conversation ready for MAIL, or the fact that stood in the way. Rejects on abort only.
 */
import type { Machine } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { NO_CAPABILITIES, parseCapabilities, type PeerCapabilities } from "../wire/capabilities.ts";
import type { Destination } from "../hooks/outbound.ts";
import { chooseAuth } from "./auth.ts";
import { Conversation } from "./conversation.ts";
import { type Fact, PeerFault } from "./finding.ts";
import { Peer } from "./peer.ts";
import { reasonOf } from "./safe_text.ts";
import type { DeliverySettings } from "./settings.ts";
import { allowance, type Stage, STAGES } from "./stages.ts";
import { dialAddress, type Target } from "./target.ts";
import type { TlsPolicy } from "./tls_policy.ts";
import type { Watch } from "./watch.ts";

/** How this connection is to be: everything that tells two connections to one address apart. */
export interface Wanted {
  readonly target: Target;
  /** Our name in EHLO. */
  readonly helo: string;
  /** Source address. */
  readonly bind: string | undefined;
  readonly tls: TlsPolicy;
}

/** Everything that tells two connections apart. */
export function keyOf({ target: { destination, address, name }, bind, helo, tls }: Wanted): string {
  const { protocol, path, host, port, auth, client, replyTimeoutMs } = destination;
  const to = path ?? `${address ?? host}:${port}`;
  const who = auth === undefined ? "" : ` ${auth.type ?? ""} ${auth.user}\0${auth.pass}`;
  const limit = replyTimeoutMs === undefined ? "" : ` in ${replyTimeoutMs}`;
  return `${protocol} ${to} ${name} ${tls} ${helo} ${bind ?? ""}${
    client === undefined ? "" : " for a client"
  }${who}${limit}`;
}

export interface ConnectContext {
  readonly machine: Machine;
  readonly watch: Watch;
  readonly settings: DeliverySettings;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export async function connect(wanted: Wanted, context: ConnectContext): Promise<Conversation | Fact> {
  const { machine, signal, settings } = context;
  const started = machine.clock.monotonic();
  const timeoutMs = wanted.target.destination.connectTimeoutMs ?? settings.connectTimeoutMs;
  let conn;
  try {
    conn = await machine.dial({
      to: dialAddress(wanted.target),
      timeoutMs,
      signal,
      ...(wanted.bind === undefined ? {} : { localAddress: wanted.bind }),
    });
  } catch (error) {
    signal.throwIfAborted();
    const slow = machine.clock.monotonic() - started >= timeoutMs * 0.9;
    const ours = wanted.bind !== undefined && error instanceof Error &&
      OURS.has((error as { code?: string }).code ?? "");
    return { stage: "connect", finding: { kind: "unreachable", detail: reasonOf(error), slow, ...(ours && { ours }) } };
  }
  const peer = new Peer(conn, machine.clock, context.watch, context.log);
  const onAbort = () => peer.fail({ kind: "lost", detail: "aborted" });
  signal.addEventListener("abort", onAbort, { once: true });
  const opening = new Opening(peer, wanted, context);
  try {
    const opened = await opening.run();
    if (!(opened instanceof Conversation)) peer.close();
    return opened;
  } catch (error) {
    peer.close();
    signal.throwIfAborted();
    if (error instanceof PeerFault) return { stage: opening.stage, finding: error.finding };
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

class Opening {
  stage: Stage = "greeting";
  #tlsRefused = false;
  readonly #peer: Peer;
  readonly #wanted: Wanted;
  readonly #destination: Destination;
  readonly #context: ConnectContext;

  constructor(peer: Peer, wanted: Wanted, context: ConnectContext) {
    this.#peer = peer;
    this.#wanted = wanted;
    this.#destination = wanted.target.destination;
    this.#context = context;
  }

  async run(): Promise<Conversation | Fact> {
    const greeting = await this.#read("greeting");
    if (greeting !== undefined) return greeting;
    let offered = await this.#hello();
    if (isFact(offered)) return offered;

    const secured = await this.#secure(offered);
    if (isFact(secured)) return secured;
    if (secured) {
      offered = await this.#hello(); // RFC 3207 §4.2: what was said in clear is forgotten
      if (isFact(offered)) return offered;
    }
    const introduced = await this.#introduce(offered);
    if (isFact(introduced)) return introduced;
    if (introduced !== false) offered = introduced;
    const authenticated = await this.#authenticate(offered);
    if (isFact(authenticated)) return authenticated;

    const { target } = this.#wanted;
    const conversation = new Conversation(this.#peer, offered, {
      host: target.name,
      ip: target.destination.path ?? target.address ?? target.destination.host,
      port: target.destination.port,
      mode: this.#destination.protocol === "lmtp" ? "LMTP" : "SMTP",
      tls: secured,
      authenticated,
    }, {
      timeouts: this.#context.settings.timeouts,
      mostMs: this.#destination.replyTimeoutMs,
      once: introduced !== false,
    });
    conversation.tlsRefused = this.#tlsRefused;
    return conversation;
  }

  /** EHLO, and HELO where that is not known (RFC 5321 §3.2); LHLO for LMTP. */
  async #hello(name = this.#wanted.helo): Promise<PeerCapabilities | Fact> {
    const lmtp = this.#destination.protocol === "lmtp";
    const fact = await this.#say("ehlo", `${lmtp ? "LHLO" : "EHLO"} ${name}\r\n`);
    if (fact === undefined) return parseCapabilities(this.#peer.reply());
    if (lmtp || fact.finding.kind !== "reply" || fact.finding.reply.code < 500) return fact;
    return await this.#say("helo", `HELO ${name}\r\n`) ?? NO_CAPABILITIES;
  }

  /** Whether the connection is secure now. Nothing but EHLO and STARTTLS goes out in clear where TLS is required. */
  async #secure(offered: PeerCapabilities): Promise<boolean | Fact> {
    const { tls, target } = this.#wanted;
    const required = tls === "required";
    if (tls !== "opportunistic" && !required) return false;
    if (!offered.keywords.has("STARTTLS")) {
      return required ? { stage: "starttls", finding: { kind: "tls-missing" } } : false;
    }
    const refused = await this.#say("starttls", "STARTTLS\r\n");
    if (refused !== undefined) {
      if (required || !isRefusal(refused)) return refused;
      this.#tlsRefused = true;
      return false; // RFC 3207 §4: we may go on without
    }
    this.stage = "tls";
    const { machine, settings, signal } = this.#context;
    await this.#peer.secure(machine, {
      // An address is never sent as SNI, but a required certificate must name it.
      servername: target.destination.path === undefined ? target.name : "",
      verify: required ? "required" : "opportunistic",
      handshakeTimeoutMs: this.#timeout("tls"),
      signal,
      ...settings.identityFor?.(target.address, target.name, target.destination.host),
      ...(settings.ca === undefined ? {} : { ca: settings.ca }),
      ...(settings.minTls === undefined ? {} : { minVersion: settings.minTls }),
      ...(settings.ciphers === undefined ? {} : { ciphers: settings.ciphers }),
    });
    return true;
  }

  /** Whose place we take, told before AUTH, which the host would forget: what it offers to the client. False: we speak for ourselves. */
  async #introduce(offered: PeerCapabilities): Promise<PeerCapabilities | false | Fact> {
    const { client } = this.#destination;
    if (client === undefined || !offered.keywords.has("XCLIENT")) return false;
    const ip = client.ip.includes(":") ? `IPV6:${client.ip}` : client.ip;
    const refused = await this.#say("xclient", `XCLIENT ADDR=${ip}\r\n`);
    if (refused !== undefined) {
      this.#context.log.info(`${this.#wanted.target.name} does not take our word for the client`);
      return false;
    }
    const { helo } = client;
    return await this.#hello(helo !== undefined && ONE_WORD.test(helo) ? helo : undefined);
  }

  /** Whether we are authenticated now. A host that cannot do it gets the mail all the same, with a warning (spec 02 §4.7). */
  async #authenticate(offered: PeerCapabilities): Promise<boolean | Fact> {
    const { auth } = this.#destination;
    if (auth === undefined || auth.user === "" || auth.pass === "") return false;
    const dialogue = chooseAuth(auth, offered.auth);
    if (typeof dialogue === "string") {
      this.#context.log.warn(`sending to ${this.#wanted.target.name} unauthenticated: ${dialogue}`);
      return false;
    }
    this.stage = "auth";
    const peer = this.#peer;
    peer.allow(this.#timeout("auth"));
    peer.send(`${dialogue.command}\r\n`, `AUTH ${dialogue.mechanism} …`);
    let code = await peer.next();
    for (let n = 0; code === 334; n++) {
      const { text } = peer.reply();
      // RFC 4954 §4: a lone `*` cancels
      peer.send(`${n < 4 ? dialogue.answer(n, typeof text === "string" ? text : text[0] ?? "") ?? "*" : "*"}\r\n`, "…");
      if (n === 4) return { stage: "auth", finding: { kind: "garbage", text: "AUTH without end" } };
      code = await peer.next();
    }
    return code >= 200 && code < 300 ? true : { stage: "auth", finding: { kind: "reply", reply: peer.reply() } };
  }

  #say(stage: Stage, command: string): Promise<Fact | undefined> {
    this.#peer.send(command);
    return this.#read(stage);
  }

  /** Undefined when the reply is the one that carries on. */
  async #read(stage: Stage): Promise<Fact | undefined> {
    this.stage = stage;
    this.#peer.allow(this.#timeout(stage));
    const code = await this.#peer.next();
    if (Math.trunc(code / 100) === STAGES[stage].wants) return undefined;
    return { stage, finding: { kind: "reply", reply: this.#peer.reply() } };
  }

  #timeout(stage: Stage): number {
    return allowance(stage, this.#context.settings.timeouts, this.#destination.replyTimeoutMs);
  }
}

/** What binding ends with where the address is not this machine's, or no longer. */
const OURS: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EINVAL"]);
const ONE_WORD = /^[\x21-\x7e]+$/;

/** A 4xx or 5xx behind which the conversation goes on. */
function isRefusal({ finding }: Fact): boolean {
  return finding.kind === "reply" && finding.reply.code >= 400 && finding.reply.code !== 421;
}

function isFact(value: object | boolean): value is Fact {
  return typeof value === "object" && "finding" in value;
}
