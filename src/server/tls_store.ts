/**
 * The server's certificates: those of tls.ini and `config/tls/`, or a self-made one where the operator has given none.
 *
 * What tls.ini names must be in order at start (ConfigError); later the last good ones stay and the log says why. Files that change are taken
 * over within seconds, and sessions that are under way keep what they have.
 */
import { ConfigError } from "../base/config_error.ts";
import type { CoreSettings } from "../config/core_types.ts";
import type { Config } from "../config/types.ts";
import {
  type CertificateNotice,
  Certificates,
  type IdentityFiles,
  type LoadedIdentity,
  type TlsFiles,
} from "../host/certificates.ts";
import { serverTls } from "../host/tls_server.ts";
import type { Machine, ServerTls } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { isDue, ownCertificate } from "./own_certificate.ts";
import { Staples } from "./staples.ts";
import { type GivenTls, givenTls } from "./tls_files.ts";
import { unheededTls } from "./tls_unheeded.ts";
import { TlsWatch } from "./tls_watch.ts";

/** PEM: a chain, and its key as PKCS#8. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface TlsStore {
  readonly server: ServerTls;
  /** Whether the certificate is of our own making. */
  readonly selfMade: boolean;
  /** The certificate of clients that ask for no name. */
  readonly defaultPair: KeyPair;
  /** The certificate for exactly this name; undefined when there is none. */
  pairFor(name: string): KeyPair | undefined;
  /** Called when others are in use; the returned function ends it. */
  onChange(listener: () => void): () => void;
  /** Reads the files again; faults are logged and the old certificates stay. */
  reload(): void;
  close(): Promise<void>;
}

export interface TlsStoreOptions {
  readonly machine: Machine;
  readonly config: Config;
  readonly core: CoreSettings;
  readonly log: Logger;
  readonly dataDir: string;
  /** false: files are looked at by `reload()` only. Default true. */
  readonly watch?: boolean;
}

export async function loadServerTls(options: TlsStoreOptions): Promise<TlsStore> {
  const store = new Store(options);
  await store.open();
  return store;
}

/** What is wrong with the certificates that the operator has given. Makes none and writes nothing. */
export function checkCertificates(
  { machine: { host, clock }, config, core }: Omit<TlsStoreOptions, "dataDir" | "log">,
): readonly ConfigError[] {
  try {
    const given = givenTls(host, config, core, { make: false });
    if (given.identities.length > 0) new Certificates(filesOf(given), () => clock.now(), () => {});
    return given.faults;
  } catch (cause) {
    if (cause instanceof ConfigError) return [cause];
    throw cause;
  }
}

class Store implements TlsStore {
  readonly #options: TlsStoreOptions;
  readonly #staples: Staples;
  readonly #listeners = new Set<() => void>();
  readonly #closers: (() => void)[] = [];
  #certificates!: Certificates;
  #server!: ServerTls;
  /** The self-made one, while it serves. */
  #own: IdentityFiles | undefined;
  #renewing: Promise<void> | undefined;
  /** What the files held when they were last taken over. */
  #seen = "";
  /** Why they are of no use, as it was said last. */
  #trouble = "";
  #watch: TlsWatch | undefined;

  constructor(options: TlsStoreOptions) {
    this.#options = options;
    this.#staples = new Staples(options.machine, options.log);
  }

  async open(): Promise<void> {
    const { machine, config, core, log, dataDir } = this.#options;
    const { host, clock } = machine;
    const given = givenTls(host, config, core, { make: true });
    this.#tellFaults(given);
    if (given.identities.length === 0) {
      this.#own = await ownCertificate(machine, dataDir, core.me.value);
      log.info(`No certificate is configured; using a self-made one in ${dataDir}/tls`);
    }
    for (const warning of unheededTls(core.tls.value)) log.warn(warning);
    this.#seen = printOf(given);
    this.#certificates = new Certificates(this.#filesOf(given), () => clock.now(), this.#notice);
    this.#server = serverTls(this.#certificates, clock);
    this.#fetchStaples();
    this.#closers.push(core.tls.onChange(() => this.#look(true)));
    if (this.#options.watch === false) return;
    this.#watch = new TlsWatch(host, clock, () => this.#look(false));
    this.#closers.push(() => this.#watch?.close());
    this.#follow(given);
  }

  get server(): ServerTls {
    return this.#server;
  }
  get selfMade(): boolean {
    return this.#own !== undefined;
  }
  get defaultPair(): KeyPair {
    return pairOf(this.#certificates.identityFor(""));
  }

  pairFor(name: string): KeyPair | undefined {
    const found = this.#certificates.identities.find(({ names }) => names.includes(name.toLowerCase()));
    return found && pairOf(found);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): void {
    this.#look(true);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) close();
    await Promise.all([this.#staples.close(), this.#renewing]);
  }

  /** Takes over what has changed. `anew`: though the files are the same. */
  #look(anew: boolean): void {
    const { machine, config, core, log } = this.#options;
    try {
      const given = givenTls(machine.host, config, core, { make: true });
      this.#follow(given);
      const print = printOf(given);
      if (given.identities.length === 0 && this.#own !== undefined) this.#renewOwn();
      if (print === this.#seen && !anew) return;
      if (given.identities.length === 0 && this.#own === undefined) throw new Error("no other is configured");
      this.#certificates.reload(this.#filesOf(given));
      if (given.identities.length > 0) this.#own = undefined;
      this.#seen = print;
      this.#trouble = "";
      this.#tellFaults(given);
      this.#changed();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (this.#trouble === reason && !anew) return; // said already
      this.#trouble = reason;
      log.error(`Keeping the certificates we have: ${reason}`);
    }
  }

  #changed(): void {
    const names = this.#certificates.identities.map((each) => each.names[0] ?? "?");
    this.#options.log.notice(`Certificates are in use: ${names.join(", ")}`);
    this.#fetchStaples();
    for (const listener of this.#listeners) listener();
  }

  #fetchStaples(): void {
    this.#staples.keep(this.#certificates.identities.filter(({ staple }) => staple !== undefined));
  }

  #renewOwn(): void {
    const { machine, core, dataDir, log } = this.#options;
    if (this.#renewing !== undefined || !isDue(this.#own!, machine.clock.now())) return;
    this.#renewing = ownCertificate(machine, dataDir, core.me.value).then((made) => {
      if (this.#own === undefined) return;
      this.#own = made;
      this.#certificates.reload(this.#filesOf(undefined));
      this.#changed();
    }).catch((cause) => {
      log.error(`The self-made certificate is not renewed: ${cause instanceof Error ? cause.message : cause}`);
    }).finally(() => this.#renewing = undefined);
  }

  #filesOf(given: GivenTls | undefined): TlsFiles {
    const { machine, config, core } = this.#options;
    const found = given ?? givenTls(machine.host, config, core, { make: true });
    const staple = (identity: LoadedIdentity) => Promise.resolve(this.#staples.get(identity));
    return filesOf(found.identities.length > 0 || !this.#own ? found : { ...found, identities: [this.#own] }, staple);
  }

  #follow({ files }: GivenTls): void {
    const { config } = this.#options;
    // The configuration's own directory, for what is not there yet.
    const dirs = [config.path("tls.ini"), ...files.map((each) => each.file)].map((file) =>
      file.slice(0, file.lastIndexOf("/")) || "/"
    );
    const below = (dir: string) => (other: string) => dir !== other && dir.startsWith(`${other}/`);
    this.#watch?.follow(dirs.filter((dir) => !dirs.some(below(dir))));
  }

  #tellFaults({ faults }: GivenTls): void {
    for (const { message } of faults) this.#options.log.error(`Not used: ${message}`);
  }

  readonly #notice = ({ file, reason, date }: CertificateNotice) => {
    this.#options.log.error(`The certificate in ${file} is ${reason} (${date.toISOString()})`);
  };
}

function filesOf({ identities, manners }: GivenTls, staple?: TlsFiles["staple"]): TlsFiles {
  return { ...manners, identities, ...(staple === undefined ? {} : { staple }) };
}

/** All that the files held. */
function printOf({ files }: GivenTls): string {
  return JSON.stringify(files);
}

function pairOf({ options }: LoadedIdentity): KeyPair {
  return { cert: String(options.cert), key: String(options.key) };
}
