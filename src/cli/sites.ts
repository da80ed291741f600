/** `kasi sites ls|show|suspend|resume`: how destinations stand, asked of the running server by its control socket. */
import { formatDuration } from "../config/amounts.ts";
import type { Machine } from "../host/types.ts";
import type { ListedSite, SitesTold } from "../queue/sites/sites_desk.ts";
import { noServer, type SiteServer, siteServer } from "./site_server.ts";
import type { SitesAction, SitesVerb } from "./sites_options.ts";
import type { Terminal } from "./terminal.ts";

export interface Place {
  readonly machine: Pick<Machine, "clock">;
  readonly out: Terminal;
  readonly server: SiteServer;
}

const VERBS: { readonly [V in SitesVerb]: (action: SitesAction, place: Place) => Promise<number> } = {
  async ls(action, { machine, out, server }) {
    const sites = await server.ask("/sites") as readonly ListedSite[] | undefined;
    if (sites === undefined) return noServer(out, server);
    if (action.json) return sites.length === 0 ? 0 : out.say(sites.map((site) => JSON.stringify(site)).join("\n"));
    if (sites.length === 0) return out.say("No destination has mail in line, and all are well");
    const now = machine.clock.now();
    return out.say(sites.map((site) => siteLine(site, now)).join("\n"));
  },
  async show({ name, json }, { machine, out, server }) {
    const [site] = await server.ask("/sites", { name }) as readonly ListedSite[] | undefined ?? [];
    if (site === undefined) return noServer(out, server);
    return out.say(json ? JSON.stringify(site) : siteText(site, machine.clock.now()));
  },
  async suspend({ name, for: time, reason, json }, { machine, out, server }) {
    const told = await server.ask("/sites/suspend", { name, for: time, reason }) as SitesTold | undefined;
    const site = told?.sites[0];
    if (site === undefined) return noServer(out, server);
    return out.say(json ? JSON.stringify(site) : siteLine(site, machine.clock.now()));
  },
  async resume({ name, json }, { machine, out, server }) {
    const told = await server.ask("/sites/resume", { name }) as SitesTold | undefined;
    const site = told?.sites[0];
    if (told === undefined || site === undefined) return noServer(out, server);
    if (!json && !told.changed) return out.say(`Nothing kept ${site.name} back`);
    return out.say(json ? JSON.stringify(site) : siteLine(site, machine.clock.now()));
  },
};

export async function sites(
  action: SitesAction,
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  return await askSites(action, { machine, out, server: await siteServer(machine, action) });
}

/** With a server at hand. */
export async function askSites(action: SitesAction, place: Place): Promise<number> {
  return await VERBS[action.verb](action, place);
}

/** `NAME state, why and how long; deliveries and items in line`. */
export function siteLine(site: ListedSite, now: number): string {
  const { name, state, active, limit, ready } = site;
  return `${name} ${state}${whyOf(site, now)}; ${active} of ${limit} deliveries under way, ${ready} in line`;
}

function siteText(site: ListedSite, now: number): string {
  const { name, state, active, ready, limit, connections, fails, rate } = site;
  const rows: readonly (readonly [string, string | number] | undefined)[] = [
    ["site", name],
    ["state", `${state}${whyOf(site, now)}`],
    ["deliveries", `${active} of ${limit} it may have now; ${connections} by outbound.sites.ini`],
    ["in line", ready],
    rate && ["rate", `${rate.count} in ${formatDuration(rate.perMs)}`],
    fails === 0 ? undefined : ["unreached", `${fails} attempts in a row`],
  ];
  return rows.filter((row) => row !== undefined).map(([key, value]) => `${`${key}:`.padEnd(12)}${value}`).join("\n");
}

function whyOf({ state, by, reason, until }: ListedSite, now: number): string {
  if (state === "well") return "";
  const end = until === undefined
    ? ", until it is resumed"
    : until > now
    ? ` for ${formatDuration(until - now)} more`
    : "";
  return `${end}, by the ${by}: ${reason}`;
}
