/**
 * Looks at a message's header: what must be there, what may stand there once, dates, marks of lists and mail programs, forged senders.
 *
 * Each check notes what it found for other plugins; only those that `[reject]` names refuse.
 */
import { authorsOf, deny, type HookEvent, type Plugin, type Settings } from "kasi";
import { type Check, CHECKS, HEADERS_INI } from "./headers_ini.ts";
import { fromMatch, fromPhish, phishTargets } from "./headers_from.ts";
import { findDate, findList, findProgram } from "./headers_marks.ts";

type Looking = HookEvent<"data_post"> & {
  readonly name: string;
  readonly settings: Settings<typeof HEADERS_INI.shape>;
  readonly targets: ReturnType<typeof phishTargets>;
  /** Addresses of From; asked for once. */
  readonly authors: () => ReturnType<typeof authorsOf>;
  readonly now: number;
};
/** Adds its results; answers what to tell the client if the check refuses. */
type Look = (at: Looking) => string | undefined | Promise<string | undefined>;

const LOOKS: { readonly [C in Check]: Look } = {
  duplicate_singular({ name, settings, transaction: { results }, message: { header } }) {
    const twice = settings.main.singular.filter((field) => header.getAll(field).length > 1);
    if (twice.length === 0) return void results.add(name, { pass: "duplicate" });
    results.add(name, { fail: twice.map((field) => `duplicate:${field}`) });
    return `Only one ${twice[0]} header allowed. See RFC 5322, Section 3.6`;
  },

  missing_required({ name, settings, transaction: { results }, message: { header } }) {
    const missing = settings.main.required.filter((field) => !header.has(field));
    if (missing.length === 0) return void results.add(name, { pass: "missing" });
    results.add(name, { fail: missing.map((field) => `missing:${field}`) });
    return `Required header '${missing[0]}' missing`;
  },

  invalid_return_path({ name, session, transaction: { results }, message: { header } }) {
    const has = header.has("Return-Path");
    if (has && session.relaying) {
      results.add(name, { fail: "Return-Path" });
      // RFC 5321 §4.4: only the final delivery writes it.
      return "Outgoing mail must not have a Return-Path header (RFC 5321)";
    }
    if (has) header.remove("Return-Path");
    results.add(name, { pass: "Return-Path" });
  },

  invalid_date({ name, settings, transaction: { results }, message: { header }, now }) {
    const text = header.get("Date");
    if (text === undefined) return;
    const wrong = findDate(text, now, settings.main);
    if (wrong === undefined) return void results.add(name, { pass: "invalid_date" });
    results.add(name, { fail: `invalid_date(${wrong})` });
    return wrong === "unparseable" ? "The Date header cannot be read" : `The Date header is too far in the ${wrong}`;
  },

  user_agent({ name, transaction: { results }, message: { header } }) {
    const found = findProgram(header);
    results.add(name, found.length === 0 ? { fail: "UA" } : { pass: found.map((text) => `UA(${text.slice(0, 12)})`) });
    return undefined;
  },

  direct_to_mx({ name, session, transaction: { results }, message: { header } }) {
    const hops = header.getAll("Received").length;
    if (session.auth !== undefined) results.add(name, { skip: "direct-to-mx(auth)" });
    else if (hops === 0) results.add(name, { fail: "direct-to-mx(none)" });
    // Ours is one of them.
    else if (hops < 2) results.add(name, { fail: `direct-to-mx(too few Received(${hops}))` });
    else results.add(name, { pass: `direct-to-mx(${hops})` });
    return undefined;
  },

  async from_match({ name, session, transaction, authors }) {
    transaction.results.add(name, fromMatch(session, transaction.sender, await authors()));
    return undefined;
  },

  delivered_to({ name, transaction: { recipients, results }, message: { header } }) {
    const told = header.getAll("Delivered-To").map((text) => text.toLowerCase());
    if (!recipients.some(({ address }) => told.includes(address.address.toLowerCase()))) return;
    results.add(name, { fail: "delivered_to" });
    return "Invalid Delivered-To header content";
  },

  mailing_list({ name, transaction: { results }, message: { header } }) {
    const lists = findList(header);
    results.add(name, lists.length === 0 ? { msg: "not MLM" } : { pass: lists.map((list) => `MLM(${list})`) });
    return undefined;
  },

  async from_phish({ name, session, transaction, message, targets, authors }) {
    const { entry, brand } = fromPhish(session, transaction, message.header, await authors(), targets);
    transaction.results.add(name, entry);
    return brand === undefined ? undefined : `Phish message impersonating ${brand}`;
  },
};

export default {
  name: "headers",
  about: "Checks a message's header.",
  files: [HEADERS_INI],
  async setup({ name, config, machine }) {
    const settings = await config.ini(HEADERS_INI);
    let targets = phishTargets(settings.value);
    settings.onChange((value) => targets = phishTargets(value));
    return {
      async data_post(event) {
        const { value } = settings;
        let authors: ReturnType<typeof authorsOf> | undefined;
        const at: Looking = {
          ...event,
          name,
          settings: value,
          targets,
          authors: () => authors ??= authorsOf(event.message),
          now: machine.clock.now(),
        };
        for (const check of Object.keys(CHECKS) as Check[]) {
          if (!value.check[check]) continue;
          const text = await LOOKS[check](at);
          if (text !== undefined && value.reject[check]) return deny(text, { enhanced: "5.7.1" });
        }
      },
    };
  },
} satisfies Plugin;
