/**
 * From which of our addresses a message goes to a target, and what we call ourselves there.
 *
 * What a plugin says of the next hop counts before the site's sources. Of these a message has an order of its own, by its id and the weights: it
 * stays with the first over all its attempts, and goes to the next where that address cannot be used. An IPv6 address is never used for an IPv4
 * target, nor the other way round; a site whose sources are all of one family does not send over the other.
 */
import type { Envelope } from "../hooks/outbound.ts";
import type { WeightedSource } from "../hooks/site.ts";
import type { Logger } from "../log/types.ts";
import { familyOf } from "./address_kind.ts";
import { safeText } from "./safe_text.ts";
import type { Target } from "./target.ts";

/** One way to send: source address (undefined: the system's choice) and name in EHLO. */
export interface Way {
  readonly bind: string | undefined;
  readonly helo: string;
}

export interface SourceQuestion {
  readonly target: Target;
  readonly envelope: Pick<Envelope, "id" | "notes">;
  readonly sources: readonly WeightedSource[];
  /** The server's own name. */
  readonly me: string;
  readonly log: Logger;
}

/** In the order to try; none when we have no address of the target's family. */
export function waysTo({ target, envelope: { id, notes }, sources, me, log }: SourceQuestion): readonly Way[] {
  const { bindHelo, path } = target.destination;
  let { bind } = target.destination;
  if (bind === undefined && typeof notes.outbound_ip === "string") {
    log.error("the note outbound_ip is deprecated: let get_mx answer with a `bind` instead");
    bind = notes.outbound_ip;
  }
  const named = (own: string | undefined) => {
    const helo = typeof notes.outbound_helo === "string" ? notes.outbound_helo : bindHelo ?? own ?? me;
    if (ONE_WORD.test(helo)) return helo;
    // A plugin may have taken it from a client.
    log.error(`Cannot say EHLO with the name a plugin gave: current value is ${safeText(helo)}; wanted a host name`);
    return me;
  };
  const family = target.address === undefined ? 0 : familyOf(target.address);
  if (bind !== undefined) {
    const own = familyOf(bind);
    return own !== 0 && family !== 0 && own !== family ? NONE : [{ bind, helo: named(undefined) }];
  }
  if (sources.length === 0 || path !== undefined) return [{ bind, helo: named(undefined) }];
  const ways: Way[] = [];
  for (const source of sources.length === 1 ? sources : orderFor(id, sources)) {
    const address = family === 6 ? source.v6 : family === 4 ? source.v4 : source.v4 ?? source.v6;
    if (address !== undefined) ways.push({ bind: address, helo: named(source.helo) });
  }
  return ways;
}

const NONE: readonly Way[] = [];
const ONE_WORD = /^[\x21-\x7e]+$/;

/** Weighted rendezvous hashing: each source comes first for its share of ids, and taking one away moves those alone that were its own. */
export function orderFor(id: string, sources: readonly WeightedSource[]): readonly WeightedSource[] {
  return sources.map((source) => ({ source, score: -Math.log(share(`${id}\0${source.name}`)) / source.weight }))
    .sort((a, b) => a.score - b.score).map(({ source }) => source);
}

/** A text as a number between 0 and 1, evenly (FNV-1a, then mixed as in MurmurHash3). */
function share(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (((hash ^ hash >>> 16) >>> 0) + 0.5) / 0x1_0000_0000;
}
