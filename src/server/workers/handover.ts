/**
 * Mail that is made in the main thread (a plugin's route, `init_master`, the program that embeds the server), and queued by a worker: the main
 * thread has no queue.
 *
 * A small message goes along with the question; a large one by a file in `queue/handover`, in chunks, which is there until the worker has said what
 * became of it. What a crash left there is removed at the next start: nobody was told that it is safe.
 */
import { newId } from "../../base/ids.ts";
import type { Host } from "../../host/types.ts";
import type { Envelope, Taken } from "../../hooks/outbound.ts";
import type { OutboundParts } from "../../hooks/send.ts";
import type { Logger } from "../../log/types.ts";
import { loadMessage, type Message } from "../../mail/message.ts";
import { memorySource } from "../../mail/source.ts";
import { BodyFiles } from "../../queue/body_files.ts";
import { fileSource } from "../../queue/body_store.ts";
import { restoreEnvelope, storeEnvelope } from "../../queue/stored.ts";

/** What a worker is told. */
export interface Handover {
  /** JSON of the envelope, as the queue stores it. */
  readonly envelope: string;
  readonly content: Uint8Array<ArrayBuffer> | { readonly path: string; readonly size: number };
  /** `Envelope.key`. */
  readonly key: string | undefined;
}

export interface HandoverOptions {
  readonly host: Host;
  /** Directory of the queue. */
  readonly queueDir: string;
  readonly log: Logger;
  /** Asks one worker; rejects with its refusal. */
  readonly ask: (handover: Handover) => Promise<Taken>;
}

/** Octets that are copied from thread to thread. */
const IN_MESSAGE = 256 * 1024;

export function handover({ host, queueDir, log, ask }: HandoverOptions): Pick<OutboundParts, "enqueue" | "spool"> {
  const dir = `${queueDir}/handover`;
  host.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = new BodyFiles(host, dir, newId);
  for (const { name } of [...host.readDirSync(dir)]) files.remove(name);
  return {
    spool: () => files.create(),
    async enqueue(envelope, message) {
      const bytes = message.bytes(IN_MESSAGE);
      const told = envelopeText(envelope, log);
      const { key } = envelope;
      if (bytes !== undefined) return await ask({ envelope: told, content: bytes, key });
      const name = await files.copy(message.open());
      try {
        return await ask({ envelope: told, content: { path: `${dir}/${name}`, size: message.size }, key });
      } finally {
        files.remove(name);
      }
    },
  };
}

/** In the worker. */
export async function takeOver(
  host: Host,
  { envelope, content, key }: Handover,
): Promise<{ readonly envelope: Envelope; readonly message: Message }> {
  const source = content instanceof Uint8Array ? memorySource(content) : fileSource(host, content.path, content.size);
  return { envelope: { ...restoreEnvelope(JSON.parse(envelope)), key }, message: await loadMessage(source) };
}

/** Notes are plugins' and may hold what no JSON can say: the mail goes on without them, as in the queue. */
function envelopeText(envelope: Envelope, log: Logger): string {
  try {
    return JSON.stringify(storeEnvelope(envelope));
  } catch (error) {
    log.warn(`Cannot keep the notes of a message: ${error instanceof Error ? error.message : error}`, {
      id: envelope.id,
    });
    return JSON.stringify(storeEnvelope({ ...envelope, notes: {} }));
  }
}
