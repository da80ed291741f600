/**
 * Keeps clients within limits: connections at a time, connections and recipients in a time, recipients, errors and unknown commands of a connection; and
 * what goes out to a domain. Who is over is put off, never refused for good.
 *
 * Counts are this process's own, or those of Redis where there is one. A count that cannot be had limits nobody, or puts the client off, as `on_error` says.
 */
import type { Address, Plugin, Session } from "kasi";
import { ConnectionLimits } from "./limit_connections.ts";
import { type Counts, MemoryCounts, RedisCounts } from "./limit_counts.ts";
import { type Asked, byHistory, type Check, Desk, type RateName, readLimits, type Refusal } from "./limit_desk.ts";
import { LIMIT_INI } from "./limit_ini.ts";
import { limitOutbound } from "./limit_outbound.ts";
import { findRate, mailKeys } from "./limit_rates.ts";
import { pluginRedis } from "./redis_link.ts";

export default {
  name: "limit",
  about: "Keeps clients within limits: connections, recipients, errors, rates; and what goes out to a domain.",
  files: [LIMIT_INI],
  async setup(host) {
    const { name, config, log, machine: { clock } } = host;
    const live = await config.ini(LIMIT_INI);
    let limits = readLimits(live.value, log);
    live.onChange((value) => limits = readLimits(value, log));
    if (!limits.any) log.notice("limit.ini enables nothing: nobody is limited");
    const redis = await pluginRedis(host, LIMIT_INI.file, limits.counts ? live.value.redis : {});
    const memory = new MemoryCounts(clock);
    const counts = (): Counts => redis.link === undefined ? memory : new RedisCounts(redis.link, clock);
    const desk = new Desk({ name, clock, limits: () => limits, counts });
    const connections = new ConnectionLimits(desk);
    /** Sessions of clients: one that never connected carries a report of the server's own to its own plugins, and nobody is to stop that. */
    const clients = new WeakSet<Session>();

    const errors = (asked: Asked): Refusal | undefined | Promise<Refusal> => {
      const { enabled, max } = limits.ini.errors;
      if (!enabled || max === 0 || asked.session.errors <= max) return undefined;
      return desk.refuse(asked, "errors.max", "Too many errors", { close: true });
    };
    const recipients = async (asked: Asked): Promise<Refusal | undefined> => {
      const { session } = asked;
      const { recipients, recipients_history } = limits.ini;
      if (!recipients.enabled) return;
      const usual = byHistory(session, recipients_history) ?? recipients.max;
      const max = session.relaying && recipients.max_relaying > 0 ? recipients.max_relaying : usual;
      const { accept, tempfail, reject } = session.rcptCount;
      if (max === 0 || accept + tempfail + reject + 1 <= max) return;
      return await desk.refuse(asked, "recipients.max", "Too many recipient attempts", { close: false });
    };
    const rate = (of: RateName, asked: Asked, mail: Address, text: string): Check => [of, async () => {
      const rates = limits.by[of];
      if (!rates.enabled) return;
      const found = findRate(rates, mailKeys(mail), mail.address.toLowerCase());
      const over = await desk.isOver(of, asked.session, found, (key, seconds) => desk.counts.hit(of, key, seconds));
      return over ? await desk.refuse(asked, of, text, { close: false }) : undefined;
    }];

    return {
      init_child: redis.init_child,
      connect_init({ session }) {
        clients.add(session);
        return limits.any ? connections.enter(session) : undefined;
      },
      connect: [
        // Before anybody ends the chain, and once the client's name is known.
        {
          priority: -100,
          run: ({ session }) => limits.any ? connections.arrive(session) : undefined,
        },
        (event) => limits.any ? desk.firstOf(event, connections.checks(event)) : undefined,
      ],
      helo: errors,
      ehlo: errors,
      mail: errors,
      data: errors,
      // Before those who accept recipients, for they end the chain.
      rcpt: {
        priority: -50,
        run(event) {
          const { session, transaction: { sender }, recipient: { address } } = event;
          if (!limits.any || !clients.has(session)) return undefined;
          const text = "recipient rate limit exceeded";
          return desk.firstOf(event, [
            ["errors", async () => await errors(event)],
            ["recipients", () => recipients(event)],
            ["rate_rcpt_host", () => connections.countRecipient(session)],
            sender.isNull()
              ? rate("rate_rcpt_null", event, address, "null recipient rate limit exceeded")
              : rate("rate_rcpt_sender", event, sender, text),
            rate("rate_rcpt", event, address, text),
          ]);
        },
      },
      // Last: a command that another plugin knows is not unknown.
      unrecognized_command: {
        priority: 100,
        run(event) {
          const { enabled, max } = limits.ini.unrecognized_commands;
          if (!enabled || max === 0) return undefined;
          const { results } = event.session;
          results.push(name, { unrec_cmds: event.verb });
          const { unrec_cmds } = results.get(name) as unknown as { readonly unrec_cmds: readonly string[] };
          if (unrec_cmds.length <= max) return undefined;
          return desk.refuse(event, "unrec_cmds.max", "Too many unrecognized commands", { close: true });
        },
      },
      disconnect: ({ session }) => connections.leave(session),
      ...limitOutbound(() => limits.outbound, counts, clock),
    };
  },
} satisfies Plugin;
