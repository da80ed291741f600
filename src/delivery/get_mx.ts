/** The `get_mx` hook: what the plugins say about the road, before the DNS is asked. */
import type { Destination, Item } from "../hooks/outbound.ts";
import { parseDestinations } from "../hooks/destination.ts";
import type { HookOutcome, Hooks } from "../hooks/runner.ts";
import type { RouteFinding } from "./finding.ts";
import { reasonOf } from "./safe_text.ts";

export type PluginRoute =
  | { readonly kind: "destinations"; readonly destinations: readonly Destination[] }
  | { readonly kind: "none"; readonly finding: RouteFinding };

/** Undefined when nobody has a say. An answer that cannot be read defers the mail: it is a plugin's slip, not the sender's. */
export function askPlugins(
  hooks: Hooks,
  item: Item,
  signal: AbortSignal,
): PluginRoute | undefined | Promise<PluginRoute | undefined> {
  const ran = hooks.run("get_mx", { item, domain: item.domain }, { log: item.log, signal });
  return ran instanceof Promise ? ran.then((outcome) => said(item, outcome)) : said(item, ran);
}

function said(item: Item, { verdict, by }: HookOutcome<"get_mx">): PluginRoute | undefined {
  if (verdict === undefined) return undefined;
  if (verdict.kind === "deny") return { kind: "none", finding: { kind: "mx-denied" } };
  if (verdict.kind !== "answer") return { kind: "none", finding: { kind: "mx-deferred" } };
  try {
    const destinations = parseDestinations(verdict.value);
    return destinations.length === 0 ? undefined : { kind: "destinations", destinations };
  } catch (error) {
    item.log.error(`get_mx: ${by ?? "a plugin"} gave a next hop that cannot be read: ${reasonOf(error)}`);
    return { kind: "none", finding: { kind: "mx-deferred" } };
  }
}
