/** `hmail`: an item of the outbound queue for Haraka's plugins (spec 02 §4.1). What they change in it is not heeded but for `notes` and `force_tls`. */
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
    const { notes } = this;
    this.todo = {
      uuid: item.id,
      domain,
      queue_time: queuedAt,
      mail_from: new AddressFace(envelope.sender, style),
      rcpt_to: recipients.map(({ address }) => new AddressFace(address, style)),
      notes,
      get force_tls() {
        return notes.force_tls === true;
      },
      set force_tls(wanted: boolean) {
        notes.force_tls = wanted;
      },
    };
    logMethods(this, item.log);
  }

  /** Kept as a note, which delivery heeds. */
  get force_tls(): boolean {
    return this.notes.force_tls === true;
  }
  set force_tls(wanted: boolean) {
    this.notes.force_tls = wanted;
  }
}
