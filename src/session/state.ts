/**
 * The session as hook functions see it (`hooks/session.ts`), with what only the engine may change.
 *
 * Plugins hold it as `Session`, whose members are read-only where these are not.
 */
import { newId } from "../base/ids.ts";
import { isLocalIp, isPrivateIp } from "../base/ip.ts";
import { Notes } from "../hooks/notes.ts";
import type { ResultRoom } from "../hooks/result_room.ts";
import { ResultStore } from "../hooks/result_store.ts";
import type { Session, Tally } from "../hooks/session.ts";
import type { TlsInfo } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { SessionContext } from "./context.ts";
import { endOf, plainIp } from "./peer.ts";
import type { Hello } from "./phase.ts";
import type { TransactionState } from "./transaction.ts";

export class SessionState implements Session {
  readonly id: string = newId();
  local: Session["local"];
  readonly remote: RemoteEnd;
  hello: Hello | undefined;
  proxy: Session["proxy"];
  tls: TlsInfo | undefined;
  auth: { readonly user: string; readonly method: string } | undefined;
  transaction: TransactionState | undefined;
  readonly notes: Notes = new Notes();
  readonly results: ResultStore;
  readonly resultRoom: ResultRoom | undefined;
  readonly log: Logger;
  errors = 0;
  earlyTalker = false;
  pipelining = false;
  /** Whether EHLO was ever said: stays when HELO follows. */
  esmtp = false;
  readonly rcptCount: Tally = { accept: 0, tempfail: 0, reject: 0 };
  readonly msgCount: Tally = { accept: 0, tempfail: 0, reject: 0 };
  transactions = 0;
  totalBytes = 0;
  /** Domains of recipients so far, while they are limited. */
  readonly rcptDomains: Set<string> = new Set();
  authFailures = 0;
  /** Text of the last reply of 400 and more, for the summary. */
  lastRefusal = "";
  readonly startedAt: number;
  #relaying = false;
  readonly #ending = new AbortController();

  constructor(context: SessionContext) {
    const near = endOf(context.local);
    this.local = { ip: near.ip, port: near.port, host: context.settings.me };
    this.remote = new RemoteEnd(context);
    this.tls = context.tls;
    this.log = context.log.child({ uuid: this.id });
    this.resultRoom = context.results;
    this.results = resultsOf(this.id, this.log, context.results);
    this.startedAt = context.clock.now();
  }

  get relaying(): boolean {
    return this.transaction?.relaying ?? this.#relaying;
  }
  set relaying(may: boolean) {
    if (this.transaction === undefined) this.#relaying = may;
    else this.transaction.relaying = may;
  }

  /** As `relaying`, for the session, whatever the transaction under way may. */
  get mayRelay(): boolean {
    return this.#relaying;
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }
  /** The session is over, or the peer has gone: whoever works for it may stop. */
  end(reason: Error): void {
    this.#ending.abort(reason);
  }
}

/** A store whose changes are heard of in `room`. */
export function resultsOf(id: string, log: Logger, room: ResultRoom | undefined): ResultStore {
  return new ResultStore(log, room === undefined ? undefined : { id, room });
}

class RemoteEnd {
  port: number;
  host = "";
  closed = false;
  #ip: string;
  #info: string | undefined;
  #isLocal: boolean | undefined;
  readonly #isLocalAddress: ((ip: string) => boolean) | undefined;

  constructor({ remote, isLocalAddress }: SessionContext) {
    const end = endOf(remote);
    this.#ip = end.ip;
    this.port = end.port;
    this.#isLocalAddress = isLocalAddress;
  }

  get ip(): string {
    return this.#ip;
  }
  set ip(ip: string) {
    this.#ip = plainIp(ip);
    this.#isLocal = undefined;
  }

  /** Somebody else is at this end now. */
  become(ip: string, port: number, host: string): void {
    this.ip = ip;
    this.port = port;
    this.host = host;
    this.#info = undefined;
  }

  /** Asked for when somebody wants to know: the machine's interfaces take time to list. */
  get isLocal(): boolean {
    return this.#isLocal ??= isLocalIp(this.ip) || (this.#isLocalAddress?.(this.ip) ?? false);
  }
  get isPrivate(): boolean {
    return isPrivateIp(this.ip) || this.isLocal;
  }

  get info(): string {
    return this.#info ?? this.host;
  }
  set info(info: string) {
    this.#info = info;
  }
}
