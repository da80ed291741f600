/**
 * Reads messages back from where they were stored: the record in its segment, or head and body file together.
 *
 * A source asks for its place each time it is opened, so that a record copied forward meanwhile is found. A record that no longer
 * reads as what was written throws `DamagedRecord`.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Envelope } from "../hooks/outbound.ts";
import type { Host } from "../host/types.ts";
import type { Source } from "../mail/message.ts";
import { joinSource, memorySource } from "../mail/source.ts";
import type { Place, Queued } from "./queued.ts";
import { frameEnd, get32, HEADER_BYTES, PREFIX_BYTES } from "./record.ts";
import type { Segment } from "./segment.ts";
import { restoreEnvelope, type StoredMessage } from "./stored.ts";

const CHUNK = 64 * 1024;

export class DamagedRecord extends Error {
  override readonly name = "DamagedRecord";
}

export interface RecordParts {
  readonly stored: StoredMessage;
  /** What the record holds of the message: all of it, or what goes in front of the body file. */
  readonly content: Bytes;
}

/** Reads and checks a whole record. */
export function readRecord(place: Place<Segment>): RecordParts {
  const { segment, offset, length } = place;
  const bytes = segment.read(offset, offset + length);
  if (frameEnd(bytes, 0, length, segment.marker) !== length) {
    throw new DamagedRecord(`The record at octet ${offset} of ${segment.path} no longer matches its checksum`);
  }
  const content = PREFIX_BYTES + get32(bytes, HEADER_BYTES);
  const json = new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, content));
  return { stored: JSON.parse(json) as StoredMessage, content: bytes.subarray(content) };
}

/** Most records' JSON is shorter. */
const GUESS = 1024;

/** Only what is said of a message, of whatever size it is; undefined when it cannot be read. The checksum is not looked at. */
export function readStored({ segment, offset, length }: Place<Segment>): StoredMessage | undefined {
  try {
    let bytes = segment.read(offset, offset + Math.min(length, GUESS));
    const end = PREFIX_BYTES + get32(bytes, HEADER_BYTES);
    if (end > bytes.length) bytes = segment.read(offset, offset + Math.min(length, end));
    return JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, end))) as StoredMessage;
  } catch {
    return undefined;
  }
}

/** Envelope and body of a queued message. */
export function readBack(
  host: Host,
  bodyDir: string,
  message: Queued<Segment>,
): { readonly envelope: Envelope; readonly source: Source } {
  const { stored, content } = readRecord(message.place);
  const envelope = restoreEnvelope(stored);
  if (stored.b === undefined) return { envelope, source: memorySource(content) };
  const [name, offset] = stored.b;
  const path = `${bodyDir}/${name}`;
  const size = host.statSync(path).size;
  if (content.length + size - offset !== stored.z) {
    throw new DamagedRecord(`${path} has ${size} octets, not what was stored`);
  }
  return { envelope, source: joinSource(content, fileSource(host, path, size), offset) };
}

/** A whole file as a source. */
export function fileSource(host: Host, path: string, size: number): Source {
  return { size, open: (from = 0) => fileStream(host, path, from, size) };
}

function fileStream(host: Host, path: string, from: number, to: number): ReadableStream<Bytes> {
  let file: ReturnType<Host["openSync"]> | undefined;
  let at = from;
  const close = () => {
    file?.close();
    file = undefined;
  };
  return new ReadableStream<Bytes>({
    async pull(controller) {
      if (at >= to) {
        close();
        return controller.close();
      }
      try {
        if (file === undefined) {
          file = host.openSync(path, { read: true });
          file.seekSync(at, 0);
        }
        const chunk = new Uint8Array(Math.min(CHUNK, to - at));
        const got = await file.read(chunk);
        if (got === null) throw new DamagedRecord(`${path} ends before octet ${to}`);
        at += got;
        controller.enqueue(got === chunk.length ? chunk : chunk.subarray(0, got));
      } catch (error) {
        close();
        throw error;
      }
      if (at >= to) {
        close();
        controller.close();
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
