/**
 * What `kasi queue export` writes beside a message: its envelope and how its items stand, as JSON for people and for `kasi queue import`.
 *
 * {@linkcode readExportFile} gives back what {@linkcode exportFile} was given, and throws {@linkcode Unreadable} for anything else.
 */
import type { MailOptions, Notify } from "../../hooks/outbound.ts";
import { NULL_ADDRESS } from "../../mail/address.ts";
import { restoreAddress, storeAddress, type StoredAddress } from "../stored.ts";
import { type Brought, type BroughtItem, Unreadable } from "./brought.ts";

const FORMAT = "kasi queue export 1";

interface ExportFile {
  readonly format: string;
  readonly id: string;
  readonly queuedAt: number;
  /** Octets of the message. */
  readonly size: number;
  /** "" for the null path. */
  readonly sender: StoredAddress;
  readonly recipients: readonly {
    readonly address: StoredAddress;
    readonly parameters?: Readonly<Record<string, string | null>>;
    readonly notify?: readonly Notify[];
    readonly originalRecipient?: { readonly type: string; readonly address: string };
  }[];
  readonly smtpUtf8: boolean;
  readonly wanted?: MailOptions;
  readonly notes: Readonly<Record<string, unknown>>;
  readonly items: readonly BroughtItem[];
}

export function exportFile({ envelope, queuedAt, items }: Brought, size: number): string {
  const { id, sender, recipients, smtpUtf8, wanted, notes } = envelope;
  const file: ExportFile = {
    format: FORMAT,
    id,
    queuedAt,
    size,
    sender: sender.isNull() ? "" : storeAddress(sender),
    recipients: recipients.map(({ address, parameters, notify, originalRecipient }) => ({
      address: storeAddress(address),
      ...(parameters.size === 0 ? {} : { parameters: Object.fromEntries(parameters) }),
      ...(notify === undefined ? {} : { notify }),
      ...(originalRecipient === undefined ? {} : { originalRecipient }),
    })),
    smtpUtf8,
    ...(wanted === undefined ? {} : { wanted }),
    notes,
    items,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** `size`: of the message beside it. */
export function readExportFile(text: string, size: number): Brought {
  let file: ExportFile;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Unreadable("it is no envelope that kasi queue export wrote: it is not JSON, or cut off");
  }
  if (file?.format !== FORMAT) throw new Unreadable(`it is no envelope that kasi queue export wrote: no "${FORMAT}"`);
  if (file.size !== size) {
    throw new Unreadable(`its message has ${size} octets in place of ${file.size}: it is cut off, or was changed`);
  }
  try {
    return brought(file);
  } catch (cause) {
    if (cause instanceof Unreadable) throw cause;
    throw new Unreadable(`its envelope lacks something: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function brought({ id, queuedAt, sender, recipients, smtpUtf8, wanted, notes, items }: ExportFile): Brought {
  if (typeof id !== "string" || !/^[\x21-\x7e]{1,200}$/.test(id)) throw new Unreadable("its id is none");
  if (!Number.isFinite(queuedAt) || items.length === 0) throw new Unreadable("it has no items, or no time");
  for (const { domain, attempts, dueAt, held } of items) {
    const isOne = typeof domain === "string" && Number.isInteger(attempts) && Number.isFinite(dueAt) &&
      typeof held === "boolean";
    if (!isOne) throw new Unreadable("an item of it is none");
  }
  const seen = new Set(items.flatMap((item) => item.recipients));
  if (seen.size !== recipients.length || recipients.some((_, place) => !seen.has(place))) {
    throw new Unreadable("its items and its recipients do not go together");
  }
  return {
    envelope: {
      id,
      sender: sender === "" ? NULL_ADDRESS : restoreAddress(sender),
      recipients: recipients.map(({ address, parameters, notify, originalRecipient }) => ({
        address: restoreAddress(address),
        parameters: new Map(Object.entries(parameters ?? {})),
        ...(notify === undefined ? {} : { notify }),
        ...(originalRecipient === undefined ? {} : { originalRecipient }),
      })),
      notes,
      smtpUtf8,
      ...(wanted === undefined ? {} : { wanted }),
    },
    queuedAt,
    items,
    offset: 0,
    stuffed: false,
  };
}
