/**
 * The road to a domain: MX records, or the domain's own address where there are none, down to addresses in the order to try.
 *
 * Nothing here rejects but on abort. Whoever could not be asked (SERVFAIL, REFUSED, time-out) makes the mail wait; only a sure "no"
 * of the DNS bounces it.
 */
import type { Destination } from "../hooks/outbound.ts";
import type { DnsAnswer, Resolver } from "../host/types.ts";
import { toAscii } from "../mail/address.ts";
import { isIpLiteral } from "../base/ip.ts";
import { familyOf } from "./address_kind.ts";
import type { RouteFinding } from "./finding.ts";
import type { DeliverySettings } from "./settings.ts";
import type { Target } from "./target.ts";

export type Route =
  | { readonly kind: "targets"; readonly targets: readonly Target[] }
  | { readonly kind: "none"; readonly finding: RouteFinding };

export interface RouteContext {
  readonly resolver: Resolver;
  readonly settings: Pick<DeliverySettings, "inetPrefer" | "mxPort">;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** RFC 5321 §5.1 allows a limit: else a domain with thousands of dead hosts would keep its slot for days. */
const MOST_HOSTS = 20;
const MOST_ADDRESSES = 40;

/** Where the DNS says that mail for `domain` goes. */
export async function routeDomain(domain: string, context: RouteContext): Promise<Route> {
  const typed = domain.slice(domain.lastIndexOf("@") + 1, domain.endsWith(".") ? -1 : undefined);
  const name = toAscii(typed);
  if (name === undefined || name === "") return none("nowhere");
  const literal = addressLiteral(name);
  if (literal !== undefined) return targets([targetAt(destinationOf(literal, 0, context), literal, literal, NAMED)]);
  if (name.startsWith("[")) return none("nowhere");
  const answer = await context.resolver.resolve(name, "MX", { signal: context.signal });
  switch (answer.kind) {
    case "failed":
      return { kind: "none", finding: { kind: "dns", detail: failure("MX", name, answer) } };
    case "nxdomain":
      return none("no-domain");
    case "nodata": // RFC 5321 §5.1: the domain itself, as an MX of preference 0
      return await resolveHosts([destinationOf(name, 0, context)], foundBy(answer), context);
    case "records": {
      const [first] = answer.records;
      if (answer.records.length === 1 && first!.exchange === "") return none("null-mx");
      const hosts = answer.records.filter((record) => record.exchange !== "")
        .map((record) => destinationOf(record.exchange.toLowerCase(), record.preference, context));
      return await resolveHosts(byPriority(hosts, context.random).slice(0, MOST_HOSTS), foundBy(answer), context);
    }
  }
}

/** The names of the MX hosts of the best preference, without their addresses; [] where there is none, or it could not be asked. */
export async function bestHosts(domain: string, { resolver, signal }: Pick<RouteContext, "resolver" | "signal">) {
  const name = toAscii(domain.endsWith(".") ? domain.slice(0, -1) : domain);
  if (name === undefined || name === "" || name.startsWith("[")) return [];
  const answer = await resolver.resolve(name, "MX", { signal });
  if (answer.kind === "nodata") return [name];
  if (answer.kind !== "records") return [];
  const best = Math.min(...answer.records.map(({ preference }) => preference));
  return answer.records.filter(({ preference, exchange }) => preference === best && exchange !== "")
    .map(({ exchange }) => exchange.toLowerCase()).sort();
}

/**
 * Host names to addresses, IPv6 before IPv4 unless the settings prefer a family; within a priority only. Addresses and sockets pass
 * as they are, and where all are such nothing is waited for. Of names out of the DNS an unknown one is nobody; else it is left to the system's own
 * look-up (hosts file).
 */
export function resolveHosts(
  destinations: readonly Destination[],
  origin: Origin,
  context: RouteContext,
): Route | Promise<Route> {
  const asked = destinations.map((destination) => addressesOf(destination, origin, context));
  if (asked.every(isFound)) return inOrder(destinations, asked, origin, context);
  return Promise.all(asked).then((found) => inOrder(destinations, found, origin, context));
}

function inOrder(
  destinations: readonly Destination[],
  found: readonly Found[],
  origin: Origin,
  context: RouteContext,
): Route {
  const out: Target[] = [];
  let failed: string | undefined;
  for (let i = 0; i < found.length;) {
    const group: Target[] = [];
    const { priority } = destinations[i]!;
    for (; i < found.length && destinations[i]!.priority === priority; i++) {
      group.push(...found[i]!.targets);
      failed ??= found[i]!.failed;
    }
    out.push(...preferred(group, context.settings.inetPrefer));
  }
  if (out.length > 0) return targets(origin.fromDns ? out.slice(0, MOST_ADDRESSES) : out);
  return failed === undefined ? none("nowhere") : { kind: "none", finding: { kind: "dns", detail: failed } };
}

/** By priority, lowest first; equal ones in random order (RFC 5321 §5.1). */
export function byPriority(destinations: readonly Destination[], random: () => number): Destination[] {
  const shuffled = [...destinations];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled.sort((a, b) => a.priority - b.priority);
}

type Found = { readonly targets: readonly Target[]; readonly failed?: string };

const isFound = (found: Found | Promise<Found>): found is Found => !(found instanceof Promise);

/** A promise only where the DNS has to be asked. */
function addressesOf(destination: Destination, origin: Origin, context: RouteContext): Found | Promise<Found> {
  const { host } = destination;
  const guarded = origin.fromDns || destination.fromDns !== undefined
    ? { fromDns: true, authentic: origin.authentic }
    : NAMED;
  const name = destination.fromDns ?? host;
  if (destination.path !== undefined) {
    return { targets: [targetAt(destination, undefined, name || destination.path, NAMED)] };
  }
  if (familyOf(host) !== 0) return { targets: [targetAt(destination, host, name, guarded)] };
  if (host === "localhost" || host.endsWith(".localhost")) { // RFC 6761 §6.3: never asked of the DNS
    return { targets: ["::1", "127.0.0.1"].map((ip) => targetAt(destination, ip, name, guarded)) };
  }
  return askedFor(destination, name, guarded, context);
}

async function askedFor(
  destination: Destination,
  name: string,
  guarded: Origin,
  context: RouteContext,
): Promise<Found> {
  const { host } = destination;
  const options = { signal: context.signal };
  const answers = await Promise.all([
    context.resolver.resolve(host, "AAAA", options),
    context.resolver.resolve(host, "A", options),
  ]);
  const found: Target[] = [];
  let failed: string | undefined;
  for (const answer of answers) {
    if (answer.kind === "records") found.push(...answer.records.map((ip) => targetAt(destination, ip, name, guarded)));
    else if (answer.kind === "failed") failed ??= failure("address", host, answer);
  }
  if (found.length === 0 && !guarded.fromDns) return { targets: [targetAt(destination, undefined, name, NAMED)] };
  return failed === undefined ? { targets: found } : { targets: found, failed };
}

/** Who says that mail goes there. */
export interface Origin {
  readonly fromDns: boolean;
  /** The answer was signed, and its signature checked by the resolver; or nobody had to be asked. */
  readonly authentic: boolean;
}
/** The operator or a plugin named the host. */
export const NAMED: Origin = { fromDns: false, authentic: true };

const foundBy = ({ authentic }: { readonly authentic: boolean }): Origin => ({ fromDns: true, authentic });

function targetAt(destination: Destination, address: string | undefined, name: string, origin: Origin): Target {
  return { destination, address, name, ...origin };
}

/** Stable: those of the family first, sockets and unresolved names with them. */
function preferred(group: Target[], prefer: DeliverySettings["inetPrefer"]): readonly Target[] {
  if (prefer === "default" || group.length < 2) return group;
  const family = prefer === "v4" ? 4 : 6;
  const goes = (target: Target) => target.address === undefined || familyOf(target.address) === family;
  return [...group.filter(goes), ...group.filter((target) => !goes(target))];
}

/** `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3). */
function addressLiteral(name: string): string | undefined {
  const inner = /^\[(?:ipv6:)?([0-9a-f:.]+)\]$/i.exec(name)?.[1];
  return inner !== undefined && isIpLiteral(inner) ? inner : undefined;
}

function destinationOf(host: string, priority: number, { settings }: RouteContext): Destination {
  return { host, port: settings.mxPort, priority, protocol: "smtp" };
}

function failure(what: string, name: string, answer: Extract<DnsAnswer<"MX">, { kind: "failed" }>): string {
  return `${what} of ${name}: ${answer.reason} ${answer.detail}`.trimEnd();
}
function targets(list: readonly Target[]): Route {
  return { kind: "targets", targets: list };
}
function none(kind: "no-domain" | "nowhere" | "null-mx"): Route {
  return { kind: "none", finding: { kind } };
}
