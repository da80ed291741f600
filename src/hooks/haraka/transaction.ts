/**
 * `connection.transaction` for Haraka's plugins (spec 01 §9), over ours.
 *
 * `rcpt_to` is an array that plugins edit as they like: {@linkcode TransactionFace.heed} takes over what they did to it, and to
 * `notes.skip_plugins`, after each call. Fields added before the message has come are put into it at the plugin's first look at it.
 */
import type { CommonJs } from "../../host/types.ts";
import type { Message } from "../../mail/message.ts";
import type { Envelope } from "../outbound.ts";
import type { Recipient, Transaction } from "../session.ts";
import { AddressFace, type AddressStyle } from "./address.ts";
import { type BodyFace, bodyFace } from "./body.ts";
import { type HeaderEdit, HeaderFace } from "./header.ts";
import { logMethods } from "./log.ts";
import { MessageStreamFace } from "./message_stream.ts";
import { hidden, type NotesFace, notesFace, ResultsFace } from "./stores.ts";

/** What the faces of one transaction share, whatever their style. */
interface Shared {
  message: Message | undefined;
  body: BodyFace | undefined;
  wantsBody: boolean;
  readonly later: HeaderEdit[];
  readonly further: WeakMap<Recipient, Recipient[]>;
}
const SHARED = new WeakMap<Transaction, Shared>();

export class TransactionFace {
  readonly notes: NotesFace;
  readonly results: ResultsFace;
  readonly header: HeaderFace;
  readonly message_stream: MessageStreamFace;
  rcpt_to: unknown[] = [];
  mail_from: unknown;
  readonly #ours: Transaction;
  readonly #style: AddressStyle;
  readonly #shared: Shared;
  readonly #faces = new WeakMap<object, Recipient>();
  readonly #known = new WeakMap<Recipient, { readonly address: Recipient["address"]; readonly face: AddressFace }>();
  readonly #sender: AddressFace;
  #shown: unknown[] = [];

  constructor(ours: Transaction, style: AddressStyle, commonJs: CommonJs) {
    this.#ours = ours;
    this.#style = style;
    let shared = SHARED.get(ours);
    if (shared === undefined) {
      shared = { message: undefined, body: undefined, wantsBody: false, later: [], further: new WeakMap() };
      SHARED.set(ours, shared);
    }
    this.#shared = shared;
    this.notes = notesFace(ours.notes);
    if (!Array.isArray(this.notes.skip_plugins)) hidden(this.notes, "skip_plugins", []);
    this.results = new ResultsFace(ours.results);
    this.header = new HeaderFace(() => this.#shared.message?.header, this.#shared.later);
    this.message_stream = new MessageStreamFace(() => this.#shared.message, commonJs);
    this.#sender = new AddressFace(ours.sender, style);
    this.mail_from = this.#sender;
    this.#commonJs = commonJs;
    logMethods(this, ours.log);
  }
  readonly #commonJs: CommonJs;

  get uuid(): string {
    return this.#ours.id;
  }
  get rcpt_count(): unknown {
    return this.#ours.rcptCount;
  }
  get data_bytes(): number {
    return this.#shared.message?.source.size ?? 0;
  }
  get mime_part_count(): number {
    const count = (part: BodyFace): number => 1 + part.children.reduce((sum, child) => sum + count(child), 0);
    return this.#shared.body === undefined ? 0 : count(this.#shared.body);
  }
  get encoding(): string {
    return "utf8";
  }
  get body(): BodyFace | null {
    return this.#shared.body ?? null;
  }
  get parse_body(): boolean {
    return this.#shared.wantsBody;
  }
  set parse_body(wanted: boolean) {
    if (!wanted || this.#shared.wantsBody) return;
    this.#shared.wantsBody = true;
    if (this.#shared.message === undefined) this.#ours.body.parse();
  }
  get discard_data(): boolean {
    return this.#ours.body.discardData;
  }
  set discard_data(discard: boolean) {
    this.#ours.body.discardData = discard;
  }

  add_header(name: string, value: unknown): void {
    this.header.add_end(name, value);
  }
  add_leading_header(name: string, value: unknown): void {
    this.header.add(name, value);
  }
  remove_header(name: string): void {
    this.header.remove(name);
  }
  /** `start(content type, file name, body, stream)`, `stream` a Node Readable. */
  attachment_hooks(start: (ct: string, filename: string | undefined, body: unknown, stream: unknown) => void): void {
    this.parse_body = true;
    this.#ours.body.onAttachment(({ filename, header, type, stream }) => {
      const readable = this.#commonJs.readable(stream);
      const over = new Promise<void>((resolve) => {
        for (const event of ["close", "error"]) readable.once(event, () => resolve());
      });
      start(header.get("Content-Type") ?? type, filename, { header: new HeaderFace(() => header) }, readable);
      // Nobody reads it: it must not hold up the client.
      if (readable.listenerCount("data") === 0 && readable.listenerCount("readable") === 0) readable.resume();
      return over;
    });
  }
  set_banner(text: string, html?: string): void {
    this.#ours.body.setBanner(text, ...(html === undefined ? [] : [html]));
  }
  add_body_filter(match: string | RegExp, edit: (ct: string, encoding: string, octets: unknown) => unknown): void {
    this.#ours.body.addFilter(match, ({ type, header, charset, octets }) => {
      const edited = edit(header.get("Content-Type") ?? type, charset || "utf8", this.#commonJs.buffer(octets));
      return edited instanceof Uint8Array ? new Uint8Array(edited) : undefined;
    });
  }

  /** Before a call: the envelope as it stands, with the recipient in question last, and the message once it is there. */
  show(current: Recipient | undefined, message: Message | undefined): void {
    const recipients = current === undefined || this.#ours.recipients.includes(current)
      ? this.#ours.recipients
      : [...this.#ours.recipients, current];
    this.rcpt_to = recipients.map((recipient) => this.face(recipient));
    this.#shown = [...this.rcpt_to];
    const shared = this.#shared;
    if (message === undefined || shared.message === message) return;
    shared.message = message;
    for (const edit of shared.later.splice(0)) edit(message.header);
  }
  /** The tree, when somebody has asked for it and it is not there. */
  get awaitsBody(): boolean {
    return this.#shared.wantsBody && this.#shared.body === undefined && this.#shared.message !== undefined;
  }
  async loadBody(): Promise<void> {
    this.#shared.body ??= bodyFace(await this.#ours.body.tree());
  }

  /** What would go into the queue now; undefined before the message has come. */
  outgoing(): { readonly envelope: Envelope; readonly message: Message } | undefined {
    const { message } = this.#shared;
    if (message === undefined) return undefined;
    this.heed(undefined);
    const { id, sender, recipients, smtpUtf8, wanted, notes } = this.#ours;
    return { envelope: { id, sender, recipients: [...recipients], notes: notes.toJSON(), smtpUtf8, wanted }, message };
  }

  face(recipient: Recipient): AddressFace {
    const known = this.#known.get(recipient);
    if (known?.address === recipient.address) return known.face;
    const face = new AddressFace(recipient.address, this.#style);
    this.#known.set(recipient, { address: recipient.address, face });
    this.#faces.set(face, recipient);
    return face;
  }

  /** After a call. `put`: what stands in the recipient's place in the hook's own parameters. */
  heed(current: Recipient | undefined, put?: unknown): void {
    for (const name of this.notes.skip_plugins as unknown[]) this.#ours.skipPlugins.add(String(name));
    if (put !== undefined && current !== undefined && !this.rcpt_to.includes(put)) this.#replace(current, put);
    if (this.rcpt_to.length === this.#shown.length && this.rcpt_to.every((one, i) => one === this.#shown[i])) return;
    const kept = this.rcpt_to.flatMap((one) => this.#faces.get(one as object) ?? []);
    const added = this.rcpt_to.filter((one) => !this.#faces.has(one as object));
    if (current !== undefined && !kept.includes(current) && added.length > 0) {
      // It gave its place to another (aliases); those beyond the first join it if it is accepted.
      this.#replace(current, added.shift());
    }
    const { parameters } = current ?? { parameters: new Map() };
    const more = added.flatMap((one): Recipient[] => {
      const address = AddressFace.ours(one);
      return address === undefined
        ? []
        : [{ address, parameters, ...(current && { given: current.given ?? current.address }) }];
    });
    if (current !== undefined) {
      this.#shared.further.set(current, more);
      const isListed = this.#ours.recipients.includes(current);
      this.#ours.recipients = [...kept.filter((one) => one !== current), ...isListed ? [current] : []];
    } else this.#ours.recipients = [...kept, ...more];
  }
  /** Recipients that joined another one take their places once it was accepted. */
  admitFurther(): void {
    const { further } = this.#shared;
    if (!this.#ours.recipients.some((one) => further.has(one))) return;
    this.#ours.recipients = this.#ours.recipients.flatMap((one) => {
      const more = further.get(one) ?? [];
      further.delete(one);
      return [one, ...more];
    });
  }
  #replace(current: Recipient, by: unknown): void {
    const address = AddressFace.ours(by);
    if (address === undefined) return;
    current.given ??= current.address;
    current.address = address;
  }
}
