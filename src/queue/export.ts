/**
 * `kasi queue export`: writes queued messages as `ID.eml`, each with its envelope and the state of its items beside it (`ID.json`, `export_file.ts`).
 * It reads the disk, disturbs no server, and takes nothing out of the queue.
 *
 * Rejects when the directory cannot be written. A message that was delivered meanwhile, or whose record is damaged, is told of and left out.
 */
import type { Host } from "../host/types.ts";
import { DamagedRecord, readBack } from "./body_store.ts";
import type { Lookup } from "./filter.ts";
import { readLedger, selectEntries } from "./list.ts";
import type { Entry } from "./queued.ts";
import { exportFile } from "./import/export_file.ts";
import type { Brought } from "./import/brought.ts";
import { type Segment, syncDirectory } from "./segment.ts";

export interface ExportedMessage {
  readonly id: string;
  readonly items: number;
  /** Without a trailing slash, without `.eml`; left out when it could not be read. */
  readonly file?: string;
  readonly reason?: string;
}

/** From a shard's directory into `into`, which must be there. */
export async function exportQueue(
  host: Host,
  dir: string,
  into: string,
  filter: Lookup,
): Promise<ExportedMessage[]> {
  // What has a file of its own is copied once the journal is closed.
  const later: (() => Promise<void>)[] = [];
  const exported = readLedger(host, dir, (ledger) => {
    later.length = 0;
    const messages = new Map<string, Entry<Segment>[]>();
    for (const { entry } of selectEntries(ledger, filter)) {
      const entries = messages.get(entry.message.id);
      if (entries === undefined) messages.set(entry.message.id, [entry]);
      else entries.push(entry);
    }
    return [...messages].map(([id, entries]): ExportedMessage | Promise<ExportedMessage> => {
      const file = `${into}/${id.replace(/[^\w.@+-]/g, "_")}`;
      const items = entries.length;
      try {
        const { envelope, source } = readBack(host, `${dir}/body`, entries[0]!.message);
        const json = exportFile(standing(envelope, entries), source.size);
        if (source.bytes !== undefined) {
          write(host, `${file}.eml`, [source.bytes]);
          write(host, `${file}.json`, [new TextEncoder().encode(json)]);
          return { id, items, file };
        }
        return new Promise((resolve, reject) =>
          later.push(async () => {
            try {
              await copy(host, source.open(), `${file}.eml`);
              write(host, `${file}.json`, [new TextEncoder().encode(json)]);
              resolve({ id, items, file });
            } catch (cause) {
              if (isLost(host, cause)) resolve({ id, items, reason: `it cannot be read: ${cause}` });
              else reject(cause);
            }
          })
        );
      } catch (cause) {
        if (!isLost(host, cause)) throw cause;
        return { id, items, reason: `it cannot be read: ${cause instanceof Error ? cause.message : cause}` };
      }
    });
  });
  const all = Promise.all(exported);
  for (const each of later) await each();
  const done = await all;
  await syncDirectory(host, into);
  return done;
}

const isLost = (host: Host, cause: unknown) => cause instanceof DamagedRecord || cause instanceof host.errors.NotFound;

/** Only the items that were asked for, and their recipients. */
function standing(envelope: Brought["envelope"], entries: readonly Entry<Segment>[]): Brought {
  const places = entries.flatMap(({ left }) => left);
  return {
    envelope: { ...envelope, recipients: places.map((place) => envelope.recipients[place]!) },
    queuedAt: entries[0]!.message.queuedAt,
    items: entries.map(({ domain, left, attempts, dueAt, state, lastError, lastStatus, told }) => ({
      domain,
      recipients: left.map((place) => places.indexOf(place)),
      attempts,
      dueAt,
      held: state === "held",
      ...(lastError === undefined ? {} : { lastError }),
      ...(lastStatus === undefined ? {} : { lastStatus }),
      ...(told === 0 ? {} : { told }),
    })),
    offset: 0,
    stuffed: false,
  };
}

/** Other people's mail is nobody's to read. */
const MODE = 0o600;

function write(host: Host, path: string, parts: readonly Uint8Array[]): void {
  const file = host.openSync(path, { write: true, create: true, truncate: true, mode: MODE });
  try {
    for (const part of parts) for (let at = 0; at < part.length;) at += file.writeSync(part.subarray(at));
  } finally {
    file.close();
  }
}

async function copy(host: Host, stream: ReadableStream<Uint8Array>, path: string): Promise<void> {
  const file = host.openSync(path, { write: true, create: true, truncate: true, mode: MODE });
  try {
    for await (const chunk of stream) for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    await file.syncData();
  } finally {
    file.close();
  }
}
