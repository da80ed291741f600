/**
 * Asks lists in the DNS about the client: lists that block, lists that allow, and lists that say how good a host is.
 *
 * Trouble with a list is never the client's: a list that cannot say lists nobody.
 */
import { deny, ok, type Plugin, type Session } from "kasi";
import { BACKSCATTERER, DNS_LIST_INI, isOn, type Zone, zonesOf } from "./dns-list_ini.ts";
import { ZoneStats } from "./dns-list_stats.ts";
import { type Listing, Zones } from "./dns-list_zones.ts";
import type { RedisSection } from "./redis_ini.ts";
import { pluginRedis } from "./redis_link.ts";

const ALLOWED = "dnswl";

export default {
  name: "dns-list",
  about: "Asks DNS lists about the client: block, allow and karma lists.",
  files: [DNS_LIST_INI],
  async setup(host) {
    const { name, config, log, machine, signal: stopping } = host;
    const settings = await config.ini(DNS_LIST_INI);
    const blocking = await config.list("dnsbl.zones");
    const allowing = await config.list("dnswl.zones");
    const { enable, redis_host } = settings.value.stats;
    const redis = await pluginRedis(host, DNS_LIST_INI.file, enable ? serverOf(redis_host) : {});
    const stats = new ZoneStats({ log, enabled: () => settings.value.stats.enable, link: () => redis.link });
    const zones = new Zones({ resolver: machine.resolver, clock: machine.clock, log, stats });
    const minutes = () => settings.value.main.periodic_checks;
    const use = () => zones.use(zonesOf(settings.value, blocking.value, allowing.value), minutes() < 5);
    use();
    for (const file of [settings, blocking, allowing]) file.onChange(use);
    // Ends with the server's signal, and never rejects.
    void zones.keepTesting(minutes, stopping);

    /** Notes what a zone said. */
    function note({ results, notes }: Session, zone: Zone, found: Listing): "refuse" | "allow" | undefined {
      if (found.kind === "unfit") return void results.add(name, { skip: `${zone.name}: ipv6 disabled` });
      if (found.kind === "unlisted") {
        return zone.type === "block" ? void results.add(name, { pass: zone.name }) : undefined;
      }
      for (const answer of found.answers) {
        const label = zone.labels[answer];
        if (label !== undefined) results.add(name, { msg: label });
      }
      const isGood = zone.type === "allow" || zone.type === "karma" && found.answers.includes("127.0.0.1");
      const isBad = zone.type === "block" || zone.type === "karma" && found.answers.includes("127.0.0.2");
      if (isGood) results.add(name, { pass: zone.name });
      else if (isBad) results.add(name, { fail: zone.name });
      else results.add(name, { msg: zone.name });
      if (zone.type === "allow") {
        notes.set(ALLOWED, true);
        return "allow";
      }
      return isBad && !isGood && zone.reject ? "refuse" : undefined;
    }

    const refusal = ({ remote }: Session, listed: readonly string[]) => {
      const host = remote.host === "" || remote.host === "NXDOMAIN" || remote.host === "DNSERROR"
        ? ""
        : `${remote.host} `;
      return deny(`${host}[${remote.ip}] is listed on ${listed.join(", ")}`, { enhanced: "5.7.1" });
    };

    const passes = (session: Session, key: "okHelo" | "okMail") =>
      session.notes.get(ALLOWED) === true && zones.active.some((zone) => zone.type === "allow" && zone[key]);

    return {
      init_child: redis.init_child,

      async connect({ session, signal }) {
        const { results, remote, notes } = session;
        // XCLIENT makes another client of it.
        if (notes.get(ALLOWED) !== undefined) notes.set(ALLOWED, undefined);
        if (remote.isPrivate) return void results.add(name, { skip: `private: ${remote.ip}` });
        const asked = zones.active.filter(({ atConnect }) => atConnect);
        if (asked.length === 0) return void results.add(name, { err: "no zones" });
        const enough = new AbortController();
        const both = AbortSignal.any([enough.signal, signal]);
        const isFirst = settings.value.main.search === "first";
        const said = new Map<Zone, ReturnType<typeof note>>();
        try {
          await Promise.all(asked.map(async (zone) => {
            const found = await zones.ask(zone, remote.ip, both);
            if (enough.signal.aborted) return;
            const meaning = note(session, zone, found);
            said.set(zone, meaning);
            if (meaning === "allow" || meaning === "refuse" && isFirst) enough.abort();
          }));
        } catch (fault) {
          if (!enough.signal.aborted || signal.aborted) throw fault;
        }
        const meanings = [...said.values()];
        if (meanings.includes("allow")) return ok();
        if (!meanings.includes("refuse")) return;
        return refusal(session, asked.filter((zone) => said.get(zone) === "refuse").map((zone) => zone.name));
      },

      helo: ({ session }) => passes(session, "okHelo") ? ok() : undefined,
      ehlo: ({ session }) => passes(session, "okHelo") ? ok() : undefined,

      async mail({ session, sender, signal }) {
        const { value } = settings;
        if (passes(session, "okMail")) return ok();
        if (!isOn(value, BACKSCATTERER, "enable") || session.remote.isPrivate) return;
        if (!sender.isNull() && sender.user.toLowerCase() !== "postmaster") return;
        const zone = zones.active.find((zone) => zone.name === BACKSCATTERER);
        if (zone === undefined) return;
        const found = await zones.ask(zone, session.remote.ip, signal);
        if (found.kind !== "listed") return;
        session.results.add(name, { fail: BACKSCATTERER });
        return refusal(session, [BACKSCATTERER]);
      },
    };
  },
} satisfies Plugin;

/** `host:port`, either of which may be left out. */
function serverOf(text = ""): RedisSection {
  const [, hostname, port] = /^(.*?)(?::(\d+))?$/.exec(text)!;
  return { host: hostname || undefined, port };
}
