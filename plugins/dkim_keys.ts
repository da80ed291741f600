/**
 * The keys in `config/dkim/DOMAIN/{private,selector}`, as Haraka keeps them.
 *
 * A key that cannot be read stops the start; one that becomes so later is logged, and the keys known before go on being used.
 */
import { type Config, ConfigError, type DkimKey, type Logger, readDkimKey, utf8Decode } from "kasi";

export interface DomainKey {
  readonly domain: string;
  readonly selector: string;
  readonly key: DkimKey;
}
export interface DkimKeys {
  /** The key of a domain, or of the nearest domain above it that has two labels or more. */
  find(domain: string): DomainKey | undefined;
}

export async function dkimKeys(config: Config, log: Logger): Promise<DkimKeys> {
  const files = await config.directory("dkim");
  const root = `${config.path("dkim")}/`;
  let keys = await read(root, files.value, log);
  files.onChange((value) => {
    read(root, value, log).then(
      (fresh) => keys = fresh,
      (fault) => log.error(`${fault.message}; the keys stay as they were`),
    );
  });
  return {
    find(domain) {
      const labels = domain.toLowerCase().split(".");
      for (let i = 0; i === 0 || i <= labels.length - 2; i++) {
        const found = keys.get(labels.slice(i).join("."));
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

type Files = Awaited<ReturnType<Config["directory"]>>["value"];

async function read(root: string, files: Files, log: Logger): Promise<ReadonlyMap<string, DomainKey>> {
  const texts = new Map(files.map(({ path, data }) => [path.startsWith(root) ? path.slice(root.length) : path, data]));
  const keys = new Map<string, DomainKey>();
  for (const [file, data] of texts) {
    const [, domain] = /^([^/]+)\/private$/.exec(file) ?? [];
    if (domain === undefined) continue;
    const selector = utf8Decode(texts.get(`${domain}/selector`) ?? new Uint8Array(0)).trim();
    if (selector === "") {
      log.notice(`dkim/${domain}: a key without a selector; it is not used`);
      continue;
    }
    keys.set(domain.toLowerCase(), {
      domain: domain.toLowerCase(),
      selector,
      key: await keyIn(`dkim/${file}`, utf8Decode(data)),
    });
  }
  return keys;
}

export async function keyIn(file: string, pem: string): Promise<DkimKey> {
  try {
    return await readDkimKey(pem);
  } catch (cause) {
    throw new ConfigError({
      file,
      current: "a file that holds none",
      wanted: `a private key (${(cause as Error).message})`,
    });
  }
}
