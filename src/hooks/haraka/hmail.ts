/** `hmail`: an item of the outbound queue for Haraka's plugins (spec 02 §4.1). What they change in it is not heeded but for `notes`. */
import type { Item } from "../outbound.ts";
import { AddressFace, type AddressStyle } from "./address.ts";
import { logMethods } from "./log.ts";
import { hidden } from "./stores.ts";

export class HMailFace {
  readonly name = "outbound";
  readonly uuid: string;
  readonly num_failures: number;
  readonly file_size: number;
  readonly notes: Record<string, unknown>;
  readonly todo: object;

  constructor(item: Item, style: AddressStyle) {
    const { envelope, domain, recipients, queuedAt } = item;
    this.uuid = item.id;
    this.num_failures = item.attempts;
    this.file_size = item.size;
    this.notes = envelope.notes as Record<string, unknown>;
    if (!Object.hasOwn(this.notes, "get")) {
      const at = (path: string) => path.split(".").reduce<any>((on, key) => on?.[key], this.notes);
      if (Object.isExtensible(this.notes)) hidden(this.notes, "get", at);
    }
    this.todo = {
      uuid: item.id,
      domain,
      queue_time: queuedAt,
      mail_from: new AddressFace(envelope.sender, style),
      rcpt_to: recipients.map(({ address }) => new AddressFace(address, style)),
      notes: this.notes,
    };
    logMethods(this, item.log);
  }
}
