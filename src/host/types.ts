/**
 * What the house asks of a machine.
 *
 * `Host` is written so that the real `Deno` satisfies it as it is; the Node shim and the in-memory host of the tests satisfy it too.
 * `Machine` adds what Deno's API lacks. Rooms other than `host` import these types and nothing else from here.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";

export interface NetAddr {
  readonly transport: "tcp" | "udp";
  readonly hostname: string;
  readonly port: number;
}
export interface UnixAddr {
  readonly transport: "unix" | "unixpacket";
  readonly path: string;
}
export type Addr = NetAddr | UnixAddr;

/** A connection: two byte streams and a way to end both at once. `readable` supports BYOB readers. */
export interface Conn {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>>;
  readonly localAddr: Addr;
  readonly remoteAddr: Addr;
  /** Closes both directions at once. Closing twice throws on Deno: close by {@linkcode closeConn} of `host/conn.ts`. */
  close(): void;
  /** Ends our direction (FIN); the peer may go on. */
  closeWrite(): Promise<void>;
  setNoDelay?(on?: boolean): void;
  /** Without a stream: `null` at the peer's end, and the connection stays open. Never beside `readable`. */
  read?(into: Uint8Array): Promise<number | null>;
  /** Without a stream: how many octets were taken. Never beside `writable`. */
  write?(from: Uint8Array): Promise<number>;
}

export interface Listener extends AsyncIterable<Conn> {
  readonly addr: Addr;
  accept(): Promise<Conn>;
  close(): void;
}

export interface OpenOptions {
  read?: boolean;
  write?: boolean;
  append?: boolean;
  truncate?: boolean;
  create?: boolean;
  createNew?: boolean;
  mode?: number;
}

export interface FileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  readonly size: number;
  readonly mtime: Date | null;
  readonly mode: number | null;
}

export interface DirEntry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
}

/** An open file. Metadata calls are synchronous (runtime.md §E); only the sync to disk is awaited. */
export interface FsFile {
  readSync(into: Uint8Array): number | null;
  read(into: Uint8Array): Promise<number | null>;
  writeSync(from: Uint8Array): number;
  write(from: Uint8Array): Promise<number>;
  /** `whence`: 0 from the start, 1 from here, 2 from the end (`Deno.SeekMode`). */
  seekSync(offset: number, whence: 0 | 1 | 2): number;
  truncateSync(length?: number): void;
  statSync(): FileInfo;
  /** fdatasync(2): the data, and as much metadata as is needed to read it back. */
  syncData(): Promise<void>;
  sync(): Promise<void>;
  close(): void;
}

export type SignalName = "SIGHUP" | "SIGINT" | "SIGTERM" | "SIGUSR1" | "SIGUSR2";

export interface Host {
  listen(options: { hostname?: string; port: number; reusePort?: boolean; transport?: "tcp" }): Listener;
  listen(options: { transport: "unix"; path: string }): Listener;
  connect(options: { hostname?: string; port: number; transport?: "tcp"; signal?: AbortSignal }): Promise<Conn>;
  connect(options: { transport: "unix"; path: string; signal?: AbortSignal }): Promise<Conn>;

  openSync(path: string, options?: OpenOptions): FsFile;
  readFileSync(path: string): Bytes;
  readTextFileSync(path: string): string;
  writeFileSync(path: string, data: Uint8Array, options?: OpenOptions): void;
  writeTextFileSync(path: string, data: string, options?: OpenOptions): void;
  mkdirSync(path: string, options?: { recursive?: boolean; mode?: number }): void;
  readDirSync(path: string): Iterable<DirEntry>;
  renameSync(from: string, to: string): void;
  linkSync(from: string, to: string): void;
  removeSync(path: string, options?: { recursive?: boolean }): void;
  statSync(path: string): FileInfo;
  lstatSync(path: string): FileInfo;
  realPathSync(path: string): string;
  chmodSync(path: string, mode: number): void;
  watchFs(
    paths: string | string[],
    options?: { recursive?: boolean },
  ): AsyncIterable<{ readonly kind: string; readonly paths: string[] }> & { close(): void };

  readonly pid: number;
  readonly args: string[];
  readonly env: { get(name: string): string | undefined; toObject(): { [name: string]: string } };
  readonly errors: {
    readonly NotFound: new (...args: any[]) => Error;
    readonly AlreadyExists: new (...args: any[]) => Error;
  };
  /** `readSync` waits for octets; null at the end. Raw, a terminal shows nothing of what is typed, and gives every key as it comes. */
  readonly stdin: { readSync(into: Uint8Array): number | null; isTerminal(): boolean; setRaw(raw: boolean): void };
  readonly stdout: { writeSync(from: Uint8Array): number; isTerminal(): boolean };
  readonly stderr: { writeSync(from: Uint8Array): number; isTerminal(): boolean };
  hostname(): string;
  cwd(): string;
  exit(code?: number): never;
  kill(pid: number, signal?: SignalName): void;
  memoryUsage(): { rss: number; heapUsed: number };
  addSignalListener(signal: SignalName, handler: () => void): void;
  removeSignalListener(signal: SignalName, handler: () => void): void;
}

/** What a handshake settled. */
export interface TlsInfo {
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: { readonly name: string; readonly standardName: string };
  /** The name the client asked for (SNI), or "". */
  readonly servername: string;
  /** Only ever true when a certificate was asked for, given and verified (runtime.md trap 2). */
  readonly authorized: boolean;
  /** Why it is not authorized, e.g. `DEPTH_ZERO_SELF_SIGNED_CERT`; "" when it is, or when none was asked for. */
  readonly authorizationError: string;
  readonly peerCertificate: PeerCertificate | null;
  /** Server's side: our certificate's hash as channel binding (`tls-server-end-point`, RFC 5929 §4); absent where it is not defined or not known. */
  readonly serverEndPoint?: Bytes;
}

export interface PeerCertificate {
  /** Subject common name, or "". */
  readonly commonName: string;
  readonly issuer: string;
  /** DNS names of the subjectAltName. */
  readonly names: readonly string[];
  readonly raw: Bytes;
}

export interface SecureConn extends Conn {
  readonly tls: TlsInfo;
}

/** One certificate with its key and the options that hold for it; made by `host/certificates.ts`, opaque to everyone else. */
export interface ServerIdentity {
  readonly names: readonly string[];
}

export interface ServerUpgrade {
  /** Written in the same tick as the upgrade starts: the 220 of STARTTLS. Absent for implicit TLS. */
  readonly reply?: Uint8Array;
  readonly handshakeTimeoutMs: number;
  readonly signal?: AbortSignal;
  /** Refuse clients without a verified certificate (tls.ini requireAuthorized, by port). */
  readonly requireAuthorized?: boolean;
}

/** The server side of TLS with its certificates loaded; `reload()` swaps them for later handshakes. */
export interface ServerTls {
  /**
   * Turns a plain connection into a secure one. Nobody may hold a reader or writer of `conn` any more. Rejects, and closes `conn`,
   * when the handshake fails, is late or is aborted.
   */
  upgrade(conn: Conn, options: ServerUpgrade): Promise<SecureConn>;
}

export interface ClientUpgrade {
  /** The name for SNI and for verification. Left out of the ClientHello when it is an IP literal. */
  readonly servername: string;
  /** `required`: chain and name must verify or the promise rejects. `opportunistic`: anything goes, `tls.authorized` tells. */
  readonly verify: "required" | "opportunistic";
  readonly key?: string;
  readonly cert?: string;
  readonly ca?: readonly string[];
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's notation; Deno's TLS chooses by itself. */
  readonly ciphers?: string;
  readonly handshakeTimeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface DialOptions {
  /** An IP literal or a host name, with its port; or the path of a Unix socket. */
  readonly to: { readonly hostname: string; readonly port: number } | { readonly path: string };
  /** Source address to bind. */
  readonly localAddress?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface DnsRecords {
  A: string;
  AAAA: string;
  MX: { readonly preference: number; readonly exchange: string };
  /** Each record's character-strings joined, as bytes read as latin-1. */
  TXT: string;
  PTR: string;
  CNAME: string;
  NS: string;
  SRV: { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string };
  TLSA: {
    readonly usage: number;
    readonly selector: number;
    readonly matchingType: number;
    readonly certificate: Bytes;
  };
}
export type RecordType = keyof DnsRecords;

/** What a look-up came to. Names carry no trailing dot; the root (null MX) is "". */
export type DnsAnswer<T extends RecordType> =
  | {
    readonly kind: "records";
    readonly records: readonly DnsRecords[T][];
    readonly ttl: number;
    readonly authentic: boolean;
  }
  /** The name exists, this type does not. */
  | { readonly kind: "nodata"; readonly ttl: number; readonly authentic: boolean }
  | { readonly kind: "nxdomain"; readonly ttl: number; readonly authentic: boolean }
  /** Nobody could say. Never a reason to lose or bounce a mail. */
  | {
    readonly kind: "failed";
    readonly reason: "servfail" | "refused" | "timeout" | "network" | "malformed" | "other";
    readonly detail: string;
  };

/** How long and how often name servers are asked. */
export interface DnsLimits {
  /** For one try with one server. */
  readonly timeoutMs: number;
  /** Rounds over all servers. */
  readonly tries: number;
}

export interface Resolver {
  /** From the next question on. Absent where there is nothing to limit. */
  setLimits?(limits: DnsLimits): void;
  resolve<T extends RecordType>(name: string, type: T, options?: { signal?: AbortSignal }): Promise<DnsAnswer<T>>;
}

export interface RedisSettings {
  readonly hostname: string;
  readonly port: number;
  /** A Unix socket, in the place of both. */
  readonly path?: string;
  readonly tls?: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
  /** For the connection, and for each answer. */
  readonly timeoutMs: number;
}

/** Who wants to know how a connection to Redis fares. Each is called at a change only. */
export interface RedisWatch {
  onReady(): void;
  onTrouble(reason: Error): void;
}

/** A connection to a Redis server that comes and goes as the server does. */
export interface RedisLink {
  /** For the log; without the password. */
  readonly url: string;
  readonly ready: boolean;
  /**
   * One command, e.g. `["GET", "key"]`, and its answer as RESP 2 has it: a hash is a list of fields and values. Rejects when there is no
   * connection, no answer in time, or an error for an answer.
   */
  command(words: readonly string[]): Promise<unknown>;
  /** Ends it. Idempotent. */
  close(): void;
}

/** A thread, seen from the one that started it. */
export interface Thread {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Its exit code, and the fault nobody caught if that ended it. Messages sent before have been heard by then. */
  readonly ended: Promise<{ readonly code: number; readonly fault?: unknown }>;
  terminate(): void;
}

/** Datagrams to one place. */
export interface Datagrams {
  /** Resolves once the kernel has it; rejects when it is known that nobody listens. */
  send(bytes: Bytes): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** The way into this machine's log: `/dev/log` and the like. */
export interface LocalLog {
  /** `priority`: facility × 8 + severity; `text`: one line. Rejects when nobody listens there any more. */
  write(priority: number, text: string): Promise<void>;
  /** Idempotent. */
  close(): void;
}
export interface LocalLogOptions {
  readonly path: string;
  /** In front of each line. */
  readonly ident: string;
  /** Behind `ident`, where wanted. */
  readonly pid?: number;
  readonly clock: Clock;
}

/** A program to run to its end. No shell reads any of it. */
export interface RunOptions {
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /** Two files at most that it finds open for reading as its descriptors 0 and 1; opened before `run` returns, so they may be removed then. */
  readonly reads: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
export interface RunEnd {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** The beginning of what it wrote to descriptor 2. */
  readonly complaint: string;
}

/** A host, and what Deno's API lacks. */
export interface Machine {
  readonly host: Host;
  readonly clock: Clock;
  readonly resolver: Resolver;
  /** Opens a connection; rejects on refusal, timeout or abort. */
  dial(options: DialOptions): Promise<Conn>;
  /** The client's side of STARTTLS, or of implicit TLS. Closes `conn` when it rejects. */
  secureClient(conn: Conn, options: ClientUpgrade): Promise<SecureConn>;
  /** HTTP as a client; give it a signal. */
  fetch(url: string, options: RequestInit): Promise<Response>;
  /** Opens a connection to Redis; resolves before it stands. */
  openRedis(settings: RedisSettings, watch: RedisWatch): Promise<RedisLink>;
  /** Runs a program; rejects when it cannot be started, is late (a `DeadlineError`) or aborted: then it is killed. */
  run(options: RunOptions): Promise<RunEnd>;
  /** UDP to an address; rejects when no socket can be had. */
  openUdp(to: { readonly address: string; readonly port: number }): Promise<Datagrams>;
  /** Rejects when nobody listens there. */
  openLocalLog(options: LocalLogOptions): Promise<LocalLog>;
  /** What `ps` shows of this process, as far as the system lets us. Of the main thread. */
  setTitle(title: string): void;
  /** Addresses of this machine's interfaces. */
  localAddresses(): readonly string[];
  /** Starts a module in a thread; absent on a machine without threads. */
  startThread?(module: URL, data: unknown): Thread;
}

/** Where a request came from, and the way to a WebSocket. */
export interface HttpPeer {
  /** "" on a Unix socket. */
  readonly ip: string;
  /**
   * Answers a WebSocket's opening request (RFC 6455 §4): give the response back at once. `onOpen` is called when messages may be sent; binary
   * ones come as ArrayBuffer. Throws TypeError when the request is no such thing.
   */
  upgrade(onOpen: (socket: WebSocket) => void): Response;
}

/** Must not reject: whoever writes it answers for its faults. */
export type HttpHandler = (request: Request, peer: HttpPeer) => Response | Promise<Response>;

export interface HttpServer {
  readonly addr: Addr;
  /** Takes no more requests; resolves when those under way are answered, or cut off after `deadlineMs`. WebSockets are cut off then too. */
  close(deadlineMs: number): Promise<void>;
  /** Connections made from now on see this certificate; those there are go on. Only where it was opened with one. Rejects and keeps the old one when it cannot be used. */
  renew(pair: HttpPair): Promise<void>;
}

/** Certificate chain and PKCS#8 key, both PEM. */
export interface HttpPair {
  readonly cert: string;
  readonly key: string;
}

/** What plugins written for Haraka take for granted of Node; loaded only when there is such a plugin. */
export interface CommonJs {
  /** Runs a file's text as the body of a function that has `scope`'s names, `self` for its `this`. Throws what it throws. */
  run(path: string, text: string, scope: { readonly [name: string]: unknown }, self: object): void;
  /** `require` as the file at `path` has it. */
  requireFor(path: string): ((specifier: string) => unknown) & { resolve(specifier: string): string };
  /** The file whose `module.exports` this is, if it was loaded already. */
  pathOf(exports: unknown): string | undefined;
  /** Names that every module of this process sees from now on. Later values win. */
  define(names: { readonly [name: string]: unknown }): void;
  /** Sets an environment variable for this process, unless it is set. */
  setEnv(name: string, value: string): void;
  /** The same octets as a `Buffer`. */
  buffer(bytes: Uint8Array): Uint8Array & { toString(encoding?: string): string };
  /** As a Node `Readable` of Buffers. */
  readable(stream: ReadableStream<Bytes>): NodeReadable;
}

export interface NodeReadable {
  pipe<T>(into: T, options?: { readonly end?: boolean }): T;
  on(event: string, listener: (...args: any[]) => void): this;
  once(event: string, listener: (...args: any[]) => void): this;
  listenerCount(event: string): number;
  resume(): this;
  destroy(): this;
}
