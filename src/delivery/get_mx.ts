/** The `get_mx` hook: what the plugins say about the road, before the DNS is asked. */
import type { Destination, Item } from "../hooks/outbound.ts";
import { parseDestinations } from "../hooks/destination.ts";
import type { Hooks } from "../hooks/runner.ts";
import type { RouteFinding } from "./finding.ts";
import { reasonOf } from "./safe_text.ts";

export type PluginRoute =
  | { readonly kind: "destinations"; readonly destinations: readonly Destination[] }
  | { readonly kind: "none"; readonly finding: RouteFinding };

/** Undefined when nobody has a say. An answer that cannot be read defers the mail: it is a plugin's slip, not the sender's. */
export async function askPlugins(hooks: Hooks, item: Item, signal: AbortSignal): Promise<PluginRoute | undefined> {
  const running = hooks.run("get_mx", { item, domain: item.domain }, { log: item.log, signal });
  const { verdict, by } = running instanceof Promise ? await running : running;
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
