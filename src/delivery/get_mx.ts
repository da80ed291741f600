/** The `get_mx` hook: what the plugins say about the road, before the DNS is asked. */
import type { Destination, Item } from "../hooks/outbound.ts";
import type { Hooks } from "../hooks/runner.ts";
import type { RouteFinding } from "./finding.ts";

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
  const given = verdict.value;
  const destinations: Destination[] = [];
  for (const each of Array.isArray(given) ? given : [given]) {
    if (isDestination(each)) destinations.push(each);
    else {
      item.log.error(`get_mx: ${by ?? "a plugin"} gave a next hop that cannot be read: ${JSON.stringify(each)}`);
      return { kind: "none", finding: { kind: "mx-deferred" } };
    }
  }
  return destinations.length === 0 ? undefined : { kind: "destinations", destinations };
}

function isDestination(value: unknown): value is Destination {
  return typeof value === "object" && value !== null && "host" in value && "port" in value && "protocol" in value;
}
