/**
 * Takes recipients that have a route, by address or by domain, and sends their mail there through the outbound queue.
 *
 * Routes stand in Redis (a key for each address or domain), which is asked first, and in `rcpt_to.routes.ini`. When Redis gives no answer, who might be
 * known there is put off, not refused: mail waits for Redis, it is not lost for it.
 */
import {
  type Address,
  answer,
  defer,
  type HookEvent,
  ok,
  parseDestination,
  type Plugin,
  type Recipient,
  type Transaction,
} from "kasi";
import { isForAnother } from "./queue/wants.ts";
import { readRoutes, ROUTES_INI } from "./recipient-routes_ini.ts";
import { pluginRedis } from "./redis_link.ts";

type Found =
  | { readonly kind: "route"; readonly hop: string; readonly by: string }
  | { readonly kind: "none" }
  /** Redis did not say, and the file knows nothing. */
  | { readonly kind: "unknown"; readonly reason: string };

export default {
  name: "recipient-routes",
  about: "Takes recipients that have a route, and sends their mail there.",
  files: [ROUTES_INI],
  async setup(host) {
    const { name, config, log, enqueue } = host;
    const settings = await config.ini(ROUTES_INI);
    const { redis: section } = settings.value;
    const redis = await pluginRedis(host, ROUTES_INI.file, section.enabled ? section : {});
    let routes = readRoutes(settings.value.routes);
    settings.onChange((value) => {
      try {
        routes = readRoutes(value.routes);
      } catch (fault) {
        log.error(`${(fault as Error).message}; the last good routes stay`);
      }
    });
    // What is kept of a transaction dies with it.
    const taken = new WeakMap<Transaction, Map<Recipient, string>>();

    const fromRedis = async (address: string, domain: string): Promise<Found> => {
      if (redis.link === undefined || !settings.value.redis.enabled) return { kind: "none" };
      try {
        const said = await redis.link.command(["MGET", address, domain]) as readonly (string | null)[];
        const i = said.findIndex((hop) => hop !== null && hop !== "");
        if (i === -1) return { kind: "none" };
        parseDestination(said[i]);
        return { kind: "route", hop: said[i]!, by: i === 0 ? "redis.email" : "redis.domain" };
      } catch (fault) {
        return { kind: "unknown", reason: (fault as Error).message };
      }
    };
    const find = async ({ address, host }: Address): Promise<Found> => {
      const [email, domain] = [address.toLowerCase(), host.toLowerCase()];
      const shared = await fromRedis(email, domain);
      if (shared.kind === "route") return shared;
      for (const [key, by] of [[email, "file.email"], [domain, "file.domain"]] as const) {
        const hop = routes.get(key);
        if (hop !== undefined) return { kind: "route", hop, by };
      }
      return shared;
    };

    const byHop = (transaction: Transaction) => {
      const found = taken.get(transaction);
      const groups = new Map<string, Recipient[]>();
      for (const one of transaction.recipients) {
        const hop = found?.get(one);
        if (hop !== undefined) groups.set(hop, [...groups.get(hop) ?? [], one]);
      }
      return groups;
    };

    /** Those with a route go to the outbound queue, a message for each route; the rest is for the plugins asked next. */
    const send = async ({ transaction, message }: HookEvent<"queue">) => {
      if (isForAnother(transaction, "outbound")) return;
      const { id, sender, notes, smtpUtf8, wanted } = transaction;
      const groups = byHop(transaction);
      for (const going of groups.values()) {
        await enqueue({ id, sender, recipients: going, notes: notes.toJSON(), smtpUtf8, wanted }, message);
        transaction.recipients = transaction.recipients.filter((one) => !going.includes(one));
      }
      return groups.size > 0 && transaction.recipients.length === 0 ? ok() : undefined;
    };
    /** Whether recipients of one domain go different ways. */
    const isMixed = (transaction: Transaction) => {
      const found = taken.get(transaction);
      const ways = new Map<string, string | undefined>();
      return found !== undefined && transaction.recipients.some((one) => {
        const { host } = one.address;
        if (ways.has(host)) return ways.get(host) !== found.get(one);
        ways.set(host, found.get(one));
        return false;
      });
    };

    return {
      init_child: redis.init_child,

      async rcpt({ transaction, recipient }) {
        const { results } = transaction;
        if (recipient.address.host === "") return void results.add(name, { fail: "rcpt!domain" });
        const found = await find(recipient.address);
        switch (found.kind) {
          case "route":
            results.add(name, { pass: found.by });
            taken.set(transaction, (taken.get(transaction) ?? new Map()).set(recipient, found.hop));
            return ok();
          case "none":
            return void results.add(name, { fail: "file" });
          case "unknown":
            results.add(name, { err: `redis: ${found.reason}` });
            if (settings.value.redis.on_error === "skip") return void results.add(name, { fail: "file" });
            return defer("Cannot look this recipient up now", { code: 451, enhanced: "4.3.0" });
        }
      },

      queue: send,
      // The server queues it all by itself, but asks for the way once for each domain.
      queue_outbound: (event) => isMixed(event.transaction) ? send(event) : undefined,

      async get_mx({ item }) {
        const [first] = item.recipients;
        if (first === undefined) return;
        const found = await find(first.address);
        if (found.kind === "route") return answer(found.hop);
        if (found.kind === "none") return;
        item.log.error(`Redis does not say where mail for ${first.address} goes: ${found.reason}`);
        return settings.value.redis.on_error === "defer" ? defer("Cannot look the route up now") : undefined;
      },
    };
  },
} satisfies Plugin;
