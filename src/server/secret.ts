/**
 * Octets that only this server knows: made once, kept in `DATA/secret` for it, its workers and its later starts.
 *
 * What hangs on them (the salts that SCRAM shows for unknown users) must not change with a restart. Where the disk cannot keep them they
 * last as long as the process, and the log says so.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";

const OCTETS = 32;

/** Read or made at the first call. */
export function serverSecret(host: Host, dataDir: string, log: Logger): () => Bytes {
  let secret: Bytes | undefined;
  return () => secret ??= readOrMake(host, `${dataDir}/secret`, log);
}

function readOrMake(host: Host, path: string, log: Logger): Bytes {
  const fresh = crypto.getRandomValues(new Uint8Array(OCTETS));
  try {
    const there = read(host, path);
    if (there !== undefined) return there;
    host.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    // Whole before it has its name; another worker's may have it first, and is ours then.
    const temporary = `${path}.${host.pid}.${crypto.randomUUID()}`;
    host.writeFileSync(temporary, fresh, { mode: 0o600, createNew: true });
    try {
      host.linkSync(temporary, path);
    } catch (cause) {
      if (!(cause instanceof host.errors.AlreadyExists)) throw cause;
    } finally {
      host.removeSync(temporary);
    }
    return read(host, path) ?? fresh;
  } catch (cause) {
    log.warn(`Cannot keep ${path}: ${cause}; unknown users can be told from known ones over a restart`);
    return fresh;
  }
}

function read(host: Host, path: string): Bytes | undefined {
  try {
    const octets = host.readFileSync(path);
    if (octets.length < OCTETS) throw new Error(`${octets.length} octets, wanted: ${OCTETS}`);
    return octets;
  } catch (cause) {
    if (cause instanceof host.errors.NotFound) return undefined;
    throw cause;
  }
}
