/**
 * A mail server that does what a script says: the peer of every delivery test.
 *
 *     const peer = scriptedPeer(machine, { hostname: "192.0.2.1", port: 25 }, { rcpt: ["250 ok", "550 no such user"] });
 *
 * A stage without a line in the script is answered well. An answer is the text of a reply (several lines joined by LF), or something
 * that is done instead; a list gives one answer for each time the stage is reached, the last one for all later times.
 */
import { type Bytes, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import type { Conn, Listener, ServerTls } from "../../src/host/types.ts";
import type { MemoryMachine } from "./memory_host.ts";
import type { MemoryConn } from "./memory_net.ts";

/**
 * `silence` reads on and says nothing more; `stall` does not even read; `half-close` ends its own direction and reads on. `raw` is said
 * before it as it stands, without a line end.
 */
export type Act = {
  readonly say?: string;
  readonly raw?: string;
  readonly then: "close" | "reset" | "silence" | "stall" | "half-close";
};
export type Answer = string | Act;
/** By the command that is answered: at the dot of LMTP it is the RCPT of the recipient whose turn it is. Undefined: well. */
export type ByCommand = (command: string) => Answer | undefined;
export type PeerStage =
  | "greeting"
  | "ehlo"
  /** EHLO behind STARTTLS; as `ehlo` when left out. */
  | "ehloSecure"
  | "helo"
  | "starttls"
  | "xclient"
  | "auth"
  | "challenge"
  | "mail"
  | "rcpt"
  | "data"
  /** As soon as content begins to arrive. */
  | "body"
  | "dot"
  | "rset"
  | "quit";

export interface PeerScript extends Partial<Record<PeerStage, Answer | readonly Answer[] | ByCommand>> {
  /** LHLO instead of EHLO, and an answer to the dot for each recipient. */
  readonly lmtp?: boolean;
  /** Keywords of the answer to EHLO; default PIPELINING. Give another list for behind STARTTLS. */
  readonly offers?: readonly string[];
  readonly offersSecure?: readonly string[];
  /** What happens behind STARTTLS's 220: a handshake, octets that are none, or something else that is done. */
  readonly tls?: ServerTls | "broken" | Act;
}

type Address = { readonly hostname: string; readonly port: number } | { readonly path: string };

export interface ScriptedPeer {
  /** Every command line of every connection, in order. */
  readonly commands: readonly string[];
  /** Every message as it stood on the wire, stuffing and final dot included. */
  readonly messages: readonly string[];
  /** Source address of every connection. */
  readonly sources: readonly string[];
  readonly connections: number;
  /** 0 for a socket. */
  readonly port: number;
  /** Connections not yet closed. */
  readonly open: number;
  /** Closes every connection now open, as a restart of the peer would. */
  hangUp(): void;
  /** Says or does something unasked on every connection now open. */
  act(answer: Answer): Promise<void>;
  stop(): void;
}

const DEFAULTS: { readonly [S in PeerStage]: Answer } = {
  greeting: "220 peer.example ESMTP",
  ehlo: "",
  ehloSecure: "",
  helo: "250 peer.example",
  starttls: "220 2.0.0 go ahead",
  xclient: "220 peer.example ESMTP",
  auth: "235 2.7.0 welcome",
  challenge: "235 2.7.0 welcome",
  mail: "250 2.1.0 sender ok",
  rcpt: "250 2.1.5 recipient ok",
  data: "354 go ahead",
  body: "",
  dot: "250 2.0.0 taken as 1234",
  rset: "250 2.0.0 reset",
  quit: "221 2.0.0 bye",
};

const STAGE_OF: { readonly [verb: string]: PeerStage } = {
  EHLO: "ehlo",
  LHLO: "ehlo",
  HELO: "helo",
  STARTTLS: "starttls",
  XCLIENT: "xclient",
  AUTH: "auth",
  MAIL: "mail",
  RCPT: "rcpt",
  DATA: "data",
  RSET: "rset",
  QUIT: "quit",
};

export function scriptedPeer(machine: MemoryMachine, at: Address, script: PeerScript = {}): ScriptedPeer {
  return new Peer(machine.net.listen(at), script);
}

/** The same on a listener of any kind, also one of real sockets (there `reset` is a close). */
export function scriptedPeerOn(listener: Listener, script: PeerScript = {}): ScriptedPeer {
  return new Peer(listener, script);
}

class Peer implements ScriptedPeer {
  readonly commands: string[] = [];
  readonly messages: string[] = [];
  readonly sources: string[] = [];
  connections = 0;
  readonly #listener: Listener;
  readonly #script: PeerScript;
  readonly #open = new Map<Conn, Lines>();
  readonly #reached = new Map<PeerStage, number>();
  readonly #stopped: Promise<void>;
  #stop: () => void = () => {};

  constructor(listener: Listener, script: PeerScript) {
    this.#listener = listener;
    this.#script = script;
    this.#stopped = new Promise((resolve) => this.#stop = resolve);
    this.#serve();
  }

  get open(): number {
    return this.#open.size;
  }

  get port(): number {
    const { addr } = this.#listener;
    return "port" in addr ? addr.port : 0;
  }

  hangUp(): void {
    for (const conn of this.#open.keys()) close(conn);
    this.#open.clear();
  }

  async act(answer: Answer): Promise<void> {
    const { say, raw, then } = typeof answer === "string" ? { say: answer, raw: "", then: "silence" as const } : answer;
    for (const [conn, lines] of this.#open) {
      if (say !== undefined) await lines.say(say);
      if (raw !== undefined) await lines.write(raw);
      if (then === "reset") (conn as Partial<MemoryConn>).reset?.();
      if (then === "half-close") await lines.end();
      if (then === "close") close(conn);
    }
  }

  stop(): void {
    this.#stop();
    this.#listener.close();
    this.hangUp();
  }

  async #serve(): Promise<void> {
    for await (const conn of this.#listener) {
      this.connections++;
      this.sources.push("hostname" in conn.remoteAddr ? conn.remoteAddr.hostname : "");
      this.#talk(conn).catch(() => {}).finally(() => {
        this.#open.delete(conn);
        close(conn);
      });
    }
  }

  async #talk(plain: Conn): Promise<void> {
    let lines = new Lines(plain);
    this.#open.set(plain, lines);
    let secure = false;
    let begun = false;
    /** The commands of the recipients taken. */
    let accepted: string[] = [];
    if (!await this.#answer(lines, "greeting")) return;
    for (;;) {
      const command = await lines.next();
      if (command === undefined) return;
      this.commands.push(command);
      const size = /^BDAT (\d+)/i.exec(command)?.[1];
      if (size !== undefined) {
        const chunk = await lines.octets(Number(size));
        if (chunk === undefined) return;
        if (accepted.length > 0) this.messages.push(chunk);
        else await lines.say("503 5.5.1 nobody to send it to");
        for (const recipient of this.#script.lmtp ? accepted : accepted.slice(0, 1)) {
          if (!await this.#answer(lines, "dot", recipient)) return;
        }
        continue;
      }
      const stage = STAGE_OF[command.split(" ")[0]!.toUpperCase()];
      if (stage === undefined) {
        await lines.say("500 5.5.1 unknown");
        continue;
      }
      if (stage === "rcpt" && !begun && this.#script.mail !== undefined) {
        await lines.say("503 5.5.1 MAIL first");
        continue;
      }
      const said = await this.#answer(lines, stage, command, secure);
      if (!said) return;
      if (stage === "mail") {
        accepted = [];
        begun = said.startsWith("2");
      }
      if (stage === "rcpt" && said.startsWith("2")) accepted.push(command);
      if (stage === "quit") return;
      if (stage === "auth" || stage === "challenge") {
        for (let reply = said; reply.startsWith("334");) {
          const response = await lines.next();
          if (response === undefined) return;
          this.commands.push(response);
          const next = await this.#answer(lines, "challenge", response);
          if (!next) return;
          reply = next;
        }
      }
      if (stage === "starttls" && said.startsWith("220")) {
        const { tls } = this.#script;
        if (tls === "broken" || tls === undefined) {
          await lines.say("this is no handshake");
          return;
        }
        if ("then" in tls) return await this.#do(lines, tls);
        lines.release();
        lines = new Lines(await tls.upgrade(plain, { handshakeTimeoutMs: 60_000 }));
        this.#open.set(plain, lines);
        secure = true;
      }
      if (stage === "data" && said.startsWith("3")) {
        const message = await lines.message(() => this.#script.body === undefined ? true : this.#answer(lines, "body"));
        if (message === undefined) return;
        this.messages.push(message);
        for (const recipient of this.#script.lmtp ? accepted : [command]) {
          if (!await this.#answer(lines, "dot", recipient)) return;
        }
      }
    }
  }

  /** What was said, or undefined when the conversation is over. */
  async #answer(lines: Lines, reached: PeerStage, command = "", secure = false): Promise<string | undefined> {
    const apart = reached === "ehlo" && secure && this.#script.ehloSecure !== undefined;
    const stage = apart ? "ehloSecure" : reached;
    const times = this.#reached.get(stage) ?? 0;
    this.#reached.set(stage, times + 1);
    const script = this.#script[stage];
    const given = (typeof script === "function" ? script(command) : script) ?? DEFAULTS[stage];
    const answer = (Array.isArray(given) ? given[Math.min(times, given.length - 1)] : given) as Answer;
    if (typeof answer !== "string") return void await this.#do(lines, answer);
    const text = reached === "ehlo" && answer === "" ? this.#hello(secure) : answer;
    if (text !== "") await lines.say(text);
    return text || " ";
  }

  /** Resolves when the conversation is over, and may be closed. */
  async #do(lines: Lines, { say, raw, then }: Act): Promise<void> {
    if (say !== undefined) await lines.say(say);
    if (raw !== undefined) await lines.write(raw);
    if (then === "reset") (lines.conn as Partial<MemoryConn>).reset?.();
    if (then === "half-close") await lines.end();
    if (then === "half-close" || then === "silence") await lines.drain();
    if (then === "stall") await this.#stopped;
  }

  #hello(secure: boolean): string {
    const { offers = ["PIPELINING"], offersSecure = offers.filter((each) => each !== "STARTTLS") } = this.#script;
    const all = ["peer.example", ...(secure ? offersSecure : offers)];
    return all.map((line, i) => `250${i === all.length - 1 ? " " : "-"}${line}`).join("\n");
  }
}

class Lines {
  readonly conn: Conn;
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #text = "";

  constructor(conn: Conn) {
    this.conn = conn;
    this.#reader = conn.readable.getReader();
    this.#writer = conn.writable.getWriter();
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      if (!await this.#more()) return undefined;
    }
  }

  /** Up to the final dot. `begun` is called once content is there; it may end the conversation. */
  async message(begun: () => true | Promise<string | undefined>): Promise<string | undefined> {
    if (this.#text === "" && !await this.#more()) return undefined;
    if (!await begun()) return undefined;
    let before = "";
    for (;;) {
      const end = before === "" && this.#text.startsWith(".\r\n") ? 0 : this.#text.indexOf("\r\n.\r\n") + 2;
      if (end >= 2 || (before === "" && this.#text.startsWith(".\r\n"))) {
        const message = before + this.#text.slice(0, end + 3);
        this.#text = this.#text.slice(end + 3);
        return message;
      }
      // What cannot hold the end any more is not searched again.
      const kept = Math.max(0, this.#text.length - 4);
      before += this.#text.slice(0, kept);
      this.#text = this.#text.slice(kept);
      if (!await this.#more()) return undefined;
    }
  }

  async octets(count: number): Promise<string | undefined> {
    while (this.#text.length < count) if (!await this.#more()) return undefined;
    const octets = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return octets;
  }

  say(text: string): Promise<void> {
    return this.write(text.split("\n").join("\r\n") + "\r\n");
  }

  write(octets: string): Promise<void> {
    return this.#writer.write(latin1Encode(octets));
  }

  /** Ends our direction. */
  end(): Promise<void> {
    return this.conn.closeWrite();
  }

  async drain(): Promise<void> {
    while (await this.#more()) this.#text = "";
  }

  release(): void {
    this.#reader.releaseLock();
    this.#writer.releaseLock();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#reader.read();
    if (!done) this.#text += latin1Decode(value);
    return !done;
  }
}

function close(conn: Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed already.
  }
}
