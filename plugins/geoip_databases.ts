/**
 * MaxMind's databases in a folder, by their names (`GeoLite2-City`), for `geoip` and `asn`.
 *
 * Each file is looked at every minute, and taken up when it has come or changed: the updater may replace it at any time. One that cannot be
 * read is told of, and the one read before stays. A look-up never throws: a damaged database is told of once and knows nothing.
 */
import { type GeoDatabase, type GeoFinding, type Logger, type Machine, openGeoDatabase, sleep } from "kasi";

export interface GeoDatabasesOptions {
  readonly machine: Pick<Machine, "host" | "clock">;
  readonly log: Logger;
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Asked each time, for the setting may change. */
  readonly folder: () => string;
  readonly names: readonly string[];
}
export interface GeoDatabases {
  /** What the first of the databases named knows of the address, that knows anything. */
  find(ip: string, ...names: readonly string[]): GeoFinding | undefined;
  /** Names of those there are. */
  readonly loaded: readonly string[];
  /** Looks at the files now. */
  refresh(): Promise<void>;
}

const LOOK_MS = 60_000;
const GONE = "gone";

/** Resolves once all that are there have been read. */
export async function geoDatabases(options: GeoDatabasesOptions): Promise<GeoDatabases> {
  const { machine: { host, clock }, log, signal, folder, names } = options;
  const open = new Map<string, GeoDatabase>();
  /** Path, size and time of what was read, or could not be. */
  const seen = new Map<string, string>();
  let under: Promise<void> = Promise.resolve();

  async function look(name: string): Promise<void> {
    const path = `${folder().replace(/\/+$/, "")}/${name}.mmdb`;
    try {
      const { size, mtime } = host.statSync(path);
      const state = `${path} ${size} ${mtime?.getTime()}`;
      if (state === seen.get(name)) return;
      seen.set(name, state);
      const database = await openGeoDatabase(host, path, signal);
      open.set(name, database);
      log.info(`${path} has been read: ${database.type} of ${database.built.toISOString().slice(0, 10)}`);
    } catch (fault) {
      if (signal.aborted) return;
      if (fault instanceof host.errors.NotFound) {
        if (open.has(name) && seen.get(name) !== GONE) log.warn(`${path} is gone; what was read before stays in use`);
        seen.set(name, GONE);
        return;
      }
      log.error(`Cannot read ${path}: ${fault instanceof Error ? fault.message : String(fault)}`);
    }
  }

  const refresh = () =>
    under = under.then(async () => {
      for (const name of names) await look(name);
    });
  await refresh();
  const watch = async () => {
    for (;;) {
      await sleep(clock, LOOK_MS, signal);
      await refresh();
    }
  };
  // Ends with the server's signal; nothing else rejects.
  watch().catch((fault) => signal.aborted || log.error(`The databases are not watched any more: ${String(fault)}`));

  const damaged = new WeakSet<GeoDatabase>();
  return {
    find(ip, ...wanted) {
      for (const name of wanted) {
        const database = open.get(name);
        if (database === undefined || damaged.has(database)) continue;
        try {
          const found = database.find(ip);
          if (found !== undefined) return found;
        } catch (fault) {
          damaged.add(database);
          log.error(`${name} is damaged and not used any more: ${String(fault)}`);
        }
      }
      return undefined;
    },
    get loaded() {
      return [...open.keys()];
    },
    refresh,
  };
}
