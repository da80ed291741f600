/**
 * `require('./outbound')` over our own outbound API (spec 02 §1.1, §1.2, §8): `send_email`, `send_trans_email`, `get_stats`.
 *
 * The callback's OK means that the mail is safe on disk. Addresses that are none, and nobody to send to, are DENY; content that breaks and a queue
 * that cannot are DENYSOFT.
 */
import type { PluginHost } from "../plugin.ts";
import type { NewMail, QueueNumbers, Sent } from "../send.ts";
import { AddressFace } from "./address.ts";
import { GLOBALS } from "./constants.ts";
import { TransactionFace } from "./transaction.ts";

type Done = (code: number, message: string) => void;
interface Options {
  readonly dot_stuffed?: boolean;
  readonly notes?: Record<string, unknown>;
  readonly remove_msgid?: boolean;
  readonly remove_date?: boolean;
  readonly origin?: { readonly uuid?: unknown };
}
type Chunks = AsyncIterable<Uint8Array | string>;

export function outboundModule(host: PluginHost): Readonly<Record<string, unknown>> {
  let known: QueueNumbers = { inProgress: 0, queued: 0, tempFail: 0, held: 0 };
  return {
    send_email(from: unknown, to: unknown, contents: unknown, ...rest: unknown[]): void {
      const done = rest.find((one) => typeof one === "function") as Done | undefined;
      const options = (rest.find((one) => typeof one === "object" && one !== null) ?? {}) as Options;
      void host.outbound.send(mailOf(host, from, to, contents, options)).then((sent) => {
        done?.(GLOBALS[CODES[sent.kind]]!, textOf(sent));
      });
    },
    send_trans_email(transaction: unknown, done?: Done): void {
      const going = transaction instanceof TransactionFace ? transaction.outgoing() : undefined;
      if (going === undefined) return done?.(GLOBALS.DENYSOFT!, "There is no message to send yet");
      host.enqueue(going.envelope, going.message).then(
        () => done?.(GLOBALS.OK!, `Message Queued (${going.envelope.id})`),
        (fault) => {
          host.log.error(`send_trans_email failed: ${fault}`);
          done?.(GLOBALS.DENYSOFT!, fault instanceof Error ? fault.message : String(fault));
        },
      );
    },
    /** In the main thread of workers: as they answered to the call before. */
    get_stats(): string {
      const now = host.outbound.stats();
      if (!(now instanceof Promise)) known = now;
      else now.then((numbers) => known = numbers, (fault) => host.log.warn(`get_stats: ${fault}`));
      return `${known.inProgress}/${known.queued}/${known.tempFail}`;
    },
  };
}

const CODES: { readonly [K in Sent["kind"]]: string } = { queued: "OK", refused: "DENY", deferred: "DENYSOFT" };

function textOf(sent: Sent): string {
  return sent.kind === "queued" ? `Message Queued (${sent.id})` : sent.text;
}

function mailOf(host: PluginHost, from: unknown, to: unknown, contents: unknown, options: Options): NewMail {
  const address = (given: unknown) => AddressFace.ours(given) ?? String(given);
  const uuid = options.origin?.uuid;
  return {
    from: address(from),
    to: Array.isArray(to) ? to.map(address) : address(to),
    content: contentOf(contents),
    dotStuffed: options.dot_stuffed === true,
    notes: options.notes ?? {},
    removeMessageId: options.remove_msgid === true,
    removeDate: options.remove_date === true,
    ...(typeof uuid === "string" && { origin: { log: host.log.child({ uuid }) } }),
  };
}

function contentOf(contents: unknown): NewMail["content"] {
  if (typeof contents === "string" || contents instanceof Uint8Array) return contents;
  if (typeof (contents as Partial<Chunks>)?.[Symbol.asyncIterator] === "function") return contents as Chunks;
  if (typeof (contents as Partial<OldStream>)?.on === "function") return chunksOf(contents as OldStream);
  return String(contents);
}

/** A stream of events alone, as Node's first ones were. */
interface OldStream {
  on(event: string, listener: (given: unknown) => void): void;
  pause?(): void;
  resume?(): void;
}

async function* chunksOf(stream: OldStream): AsyncGenerator<Uint8Array | string> {
  const waiting: (Uint8Array | string)[] = [];
  let fault: { readonly cause: unknown } | undefined;
  let ended = false;
  let wake = () => {};
  stream.on("data", (chunk) => {
    waiting.push(chunk as Uint8Array | string);
    stream.pause?.();
    wake();
  });
  stream.on("error", (cause) => {
    fault = { cause };
    wake();
  });
  for (const event of ["end", "close"]) {
    stream.on(event, () => {
      ended = true;
      wake();
    });
  }
  for (;;) {
    const chunk = waiting.shift();
    if (chunk !== undefined) yield chunk;
    else if (fault !== undefined) throw fault.cause;
    else if (ended) return;
    else {
      const woken = new Promise<void>((resolve) => wake = resolve);
      stream.resume?.();
      await woken;
    }
  }
}
