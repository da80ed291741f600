/**
 * What plugins want done with a message's body, and the doing: parsed or handed out while it arrives, edited once it is whole.
 *
 * A transaction whose body nobody asks for has no plan, and nothing is parsed. Faults of plugins (a reader that is late, a filter that
 * throws) reject `arrived` or `edit`: the message is put off, as after a hook that fails.
 */
import type { Clock } from "../base/clock.ts";
import { DEFAULT_TIMEOUT_MS } from "../hooks/hook_runner.ts";
import type { TransactionBody } from "../hooks/session.ts";
import { AttachmentFeed, type AttachmentTaker } from "../mail/attachments.ts";
import { makeBanner } from "../mail/banner.ts";
import { type BodyEdits, type BodyFilter, editBody } from "../mail/body_edits.ts";
import type { Message } from "../mail/message.ts";
import { type Part, partsOf, TreeBuilder } from "../mail/parts.ts";
import type { BodyWatch } from "./intake.ts";

export class BodyPlan implements TransactionBody {
  discardData = false;
  #wantsTree = false;
  readonly #takers: AttachmentTaker[] = [];
  #banner: BodyEdits["banner"];
  readonly #filters: { readonly match: string | RegExp; readonly edit: BodyFilter }[] = [];
  #begun: boolean;
  #feed: AttachmentFeed | undefined;
  #builder: TreeBuilder | undefined;
  #message: Message | undefined;
  #tree: Promise<Part> | undefined;

  /** `message`: when it has come already. */
  constructor(message?: Message) {
    this.#message = message;
    this.#begun = message !== undefined;
  }

  parse(): undefined {
    this.#wantsTree = true;
  }

  onAttachment(take: AttachmentTaker): undefined {
    if (this.#begun) {
      throw new TypeError(
        "Cannot hand out attachments: the message is arriving; wanted: onAttachment() at data, or before",
      );
    }
    this.#takers.push(take);
  }

  setBanner(text: string, html?: string): undefined {
    this.#banner = makeBanner(text, html);
  }

  addFilter(match: string | RegExp, edit: BodyFilter): undefined {
    this.#filters.push({ match, edit });
  }

  tree(): Promise<Part> {
    const message = this.#message;
    if (message === undefined) {
      return Promise.reject(
        new TypeError("Cannot show the tree of a message that has not come yet; wanted: at data_post, or later"),
      );
    }
    return this.#tree ??= this.#builder === undefined
      ? partsOf(message)
      : Promise.resolve(this.#builder.finish(this.discardData ? undefined : message.source));
  }

  /** The octets are about to come. Undefined when nobody wants to see them. */
  begin({ clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }): BodyWatch | undefined {
    this.#begun = true;
    if (this.#wantsTree) this.#builder = new TreeBuilder();
    if (this.#takers.length > 0) {
      this.#feed = new AttachmentFeed(this.#takers, { clock, timeoutMs: DEFAULT_TIMEOUT_MS, signal });
    }
    const keeps = !this.discardData;
    if (keeps && this.#builder === undefined && this.#feed === undefined) return undefined;
    return {
      keeps,
      add: (chunk) => {
        this.#builder?.add(chunk);
        return this.#feed?.add(chunk);
      },
      abort: (reason) => this.#feed?.abort(reason),
    };
  }

  /** The message is whole. Resolves once everybody is done with its attachments. */
  async arrived(message: Message): Promise<void> {
    this.#begun = true;
    this.#message = message;
    await this.#feed?.finish();
  }

  /** Banner and filters, once every plugin has seen the message as it came. Whether anything was changed. */
  async edit(message: Message, clock: Clock): Promise<boolean> {
    if (this.#banner === undefined && this.#filters.length === 0) return false;
    return await editBody(message, { banner: this.#banner, filters: this.#filters }, {
      clock,
      timeoutMs: DEFAULT_TIMEOUT_MS,
    });
  }
}
