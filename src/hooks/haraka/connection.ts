/**
 * `connection` for Haraka's plugins (spec 01 §8), over our session. What the engine owns (reading, replying, closing) is not theirs:
 * `respond` is heard at `unrecognized_command` only, `disconnect` while a hook runs; elsewhere they log an error.
 */
import type { CommonJs } from "../../host/types.ts";
import type { Session, Transaction } from "../session.ts";
import type { AddressStyle } from "./address.ts";
import { logMethods } from "./log.ts";
import { type NotesFace, notesFace, ResultsFace } from "./stores.ts";
import { TransactionFace } from "./transaction.ts";

export interface Said {
  readonly code: number;
  readonly text: string | readonly string[];
}
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class ConnectionFace {
  readonly notes: NotesFace;
  readonly results: ResultsFace;
  readonly server: unknown;
  readonly remote: unknown;
  readonly local: unknown;
  capabilities: string[] = [];
  /** What `respond` and `disconnect` were told during the present call. */
  said: Said | undefined;
  closes = false;
  hook = "";
  readonly #ours: Session;
  readonly #style: AddressStyle;
  readonly #commonJs: CommonJs;
  readonly #transactions = new WeakMap<Transaction, TransactionFace>();

  constructor(ours: Session, style: AddressStyle, commonJs: CommonJs, server: { readonly version: string }) {
    this.#ours = ours;
    this.#style = style;
    this.#commonJs = commonJs;
    this.server = server;
    this.notes = notesFace(ours.notes);
    this.results = new ResultsFace(ours.results);
    this.remote = remoteFace(ours.remote);
    const { local } = ours;
    this.local = { ...local, info: `Kasi/${server.version}` };
    logMethods(this, ours.log);
  }

  get uuid(): string {
    return this.#ours.id;
  }
  get transaction(): TransactionFace | null {
    const { transaction } = this.#ours;
    if (transaction === undefined) return null;
    let face = this.#transactions.get(transaction);
    if (face === undefined) {
      face = new TransactionFace(transaction, this.#style, this.#commonJs);
      this.#transactions.set(transaction, face);
    }
    return face;
  }
  get hello(): { readonly verb: string | null; readonly host: string | null } {
    return this.#ours.hello ?? { verb: null, host: null };
  }
  get tls(): unknown {
    const { tls } = this.#ours;
    if (tls === undefined) return { enabled: false, advertised: false, verified: false, cipher: {} };
    const { protocol, cipher, authorized, authorizationError, peerCertificate } = tls;
    return {
      enabled: true,
      advertised: true,
      verified: authorized,
      verifyError: authorizationError,
      cipher: { ...cipher, version: protocol },
      peerCertificate: peerCertificate === null
        ? {}
        : { ...peerCertificate, subject: { CN: peerCertificate.commonName } },
    };
  }
  get proxy(): unknown {
    const { proxy } = this.#ours;
    return { allowed: proxy !== undefined, ip: proxy?.ip ?? null, type: proxy?.type ?? null, timer: null };
  }
  get relaying(): boolean {
    return this.#ours.relaying;
  }
  set relaying(may: boolean) {
    this.#ours.relaying = Boolean(may);
  }
  get errors(): number {
    return this.#ours.errors;
  }
  set errors(count: number) {
    this.#ours.errors = count;
  }
  get early_talker(): boolean {
    return this.#ours.earlyTalker;
  }
  get pipelining(): boolean {
    return this.#ours.pipelining;
  }
  get esmtp(): boolean {
    return this.#ours.hello?.verb === "EHLO";
  }
  get tran_count(): number {
    return this.#ours.transactions;
  }
  get rcpt_count(): unknown {
    return this.#ours.rcptCount;
  }
  get msg_count(): unknown {
    return this.#ours.msgCount;
  }
  get totalbytes(): number {
    return this.#ours.totalBytes;
  }
  get start_time(): number {
    return this.#ours.startedAt;
  }

  /** `get("remote.ip")`; undefined when a part is missing. */
  get(path: string): unknown {
    return path.split(".").reduce<any>((at, key) => at?.[key], this);
  }
  /** `set("remote.ip", value)` or `set("remote", "ip", value)`. */
  set(...given: unknown[]): void {
    const value = given.pop();
    const path = given.join(".").split(".");
    const last = path.pop()!;
    const on = path.length === 0 ? this : this.get(path.join("."));
    if (typeof on === "object" && on !== null) (on as Record<string, unknown>)[last] = value;
  }
  get_remote(name: "host" | "info"): string {
    const { ip } = this.#ours.remote;
    const said = this.#ours.remote[name];
    return !said || said === "NXDOMAIN" || said === "DNSERROR" || said === "Unknown" ? `[${ip}]` : `${said} [${ip}]`;
  }
  auth_results(result?: string): void {
    const known = (this.notes.authentication_results ??= []) as string[];
    if (result !== undefined) known.push(result);
  }
  respond(code: number, text: unknown, done?: () => void): void {
    this.said = { code, text: Array.isArray(text) ? text.map(String) : String(text ?? "").split("\n") };
    if (this.hook !== "unrecognized_command") {
      this.#ours.log.error(`respond(${code}) at ${this.hook || "no hook"} is not sent: say it with next()`);
    }
    done?.();
  }
  disconnect(): void {
    this.closes = true;
    if (this.hook === "") this.#ours.log.error("disconnect() outside of a hook does nothing: say it with next()");
  }
  pause(): void {}
  resume(): void {}
}

/** Reads and writes go through to ours; a new address brings its own `is_private` and `is_local`. */
function remoteFace(ours: Session["remote"]): object {
  const remote = ours as Mutable<Session["remote"]>;
  return {
    login: null,
    get ip() {
      return remote.ip;
    },
    set ip(ip: string) {
      remote.ip = ip;
    },
    get port() {
      return remote.port;
    },
    get host() {
      return remote.host;
    },
    set host(host: string) {
      remote.host = host;
    },
    get info() {
      return remote.info;
    },
    set info(info: string) {
      remote.info = info;
    },
    get closed() {
      return remote.closed;
    },
    get is_private() {
      return remote.isPrivate;
    },
    get is_local() {
      return remote.isLocal;
    },
  };
}
