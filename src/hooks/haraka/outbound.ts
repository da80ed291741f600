/**
 * `require('./outbound')`: `send_email` puts a new message into our outbound queue (spec 02 §1.2). The callback's OK means that it is safe on
 * disk. Addresses that are none, and nobody to send to, are DENY; a queue that cannot is DENYSOFT.
 */
import { concat, utf8Encode } from "../../base/bytes.ts";
import { newId } from "../../base/ids.ts";
import { formatDate } from "../../mail/date.ts";
import { createMessage } from "../../mail/message.ts";
import { newMessageId } from "../../mail/message_id.ts";
import { memorySource } from "../../mail/source.ts";
import type { PluginHost } from "../plugin.ts";
import type { Recipient } from "../session.ts";
import { AddressFace } from "./address.ts";
import { GLOBALS } from "./constants.ts";

type Done = (code: number, message: string) => void;
interface Options {
  readonly dot_stuffed?: boolean;
  readonly notes?: Record<string, unknown>;
  readonly remove_msgid?: boolean;
  readonly remove_date?: boolean;
}

export function outboundModule(host: PluginHost): Readonly<Record<string, unknown>> {
  return {
    send_email(from: unknown, to: unknown, contents: unknown, ...rest: unknown[]): void {
      const done = rest.find((one) => typeof one === "function") as Done | undefined;
      const options = (rest.find((one) => typeof one === "object" && one !== null) ?? {}) as Options;
      void send(host, from, to, contents, options).then(
        ([code, message]) => done?.(GLOBALS[code]!, message),
        (fault) => {
          host.log.error(`send_email failed: ${fault}`);
          done?.(GLOBALS.DENYSOFT!, fault instanceof Error ? fault.message : String(fault));
        },
      );
    },
    get_stats: () => "0/0/0",
  };
}

async function send(
  host: PluginHost,
  from: unknown,
  to: unknown,
  contents: unknown,
  options: Options,
): Promise<[code: "OK" | "DENY", message: string]> {
  const sender = AddressFace.ours(from);
  if (sender === undefined) return ["DENY", `Malformed from: ${String(from)}`];
  const recipients: Recipient[] = [];
  for (const one of Array.isArray(to) ? to : [to]) {
    const address = AddressFace.ours(one);
    if (address === undefined || address.isNull()) return ["DENY", `Malformed to address (${String(one)})`];
    recipients.push({ address, parameters: new Map() });
  }
  if (recipients.length === 0) return ["DENY", "No recipients for email"];
  const text = typeof contents === "string" ? contents : await readAll(contents as AsyncIterable<Uint8Array | string>);
  const lines = text.replace(/\r?\n/g, "\r\n");
  const message = createMessage(memorySource(utf8Encode(options.dot_stuffed ? lines.replace(/^\.\./gm, ".") : lines)));
  const { header } = message;
  const id = newId();
  if (options.remove_msgid) header.remove("Message-Id");
  if (options.remove_date) header.remove("Date");
  const known = header.get("Message-Id");
  if (known === undefined || known === "<>") {
    header.remove("Message-Id");
    header.addLeading("Message-Id", newMessageId(host.server.name, id));
  }
  if (header.get("Date") === undefined) header.addLeading("Date", formatDate(host.machine.clock.now()));
  const smtpUtf8 = [sender, ...recipients.map(({ address }) => address)].some(({ isUtf8 }) => isUtf8);
  await host.enqueue({ id, sender, recipients, notes: { ...options.notes }, smtpUtf8 }, message);
  return ["OK", `Message Queued (${id})`];
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of stream) pieces.push(typeof piece === "string" ? utf8Encode(piece) : new Uint8Array(piece));
  return new TextDecoder().decode(concat(pieces));
}
