/** From the configuration to what a session is given. Built once per reload, shared by all sessions until the next. */
import type { ConnectionSettings, CoreSettings, OutboundSettings } from "../config/core_types.ts";
import type { Live } from "../config/types.ts";
import type { SessionSettings } from "../session/context.ts";

export const PRODUCT = "Kasi";

function build(
  me: string,
  connection: ConnectionSettings,
  { idempotencyHeader }: Pick<OutboundSettings, "idempotencyHeader">,
  version: string,
): SessionSettings {
  const { headers, ...same } = connection;
  return {
    ...same,
    me,
    idempotencyHeader,
    product: headers.showVersion ? `${PRODUCT}/${version}` : PRODUCT,
    addReceived: headers.addReceived,
    cleanAuthResults: headers.cleanAuthResults,
  };
}

/** The present settings, by a call that costs nothing while nothing changes. */
export function sessionSettings(core: CoreSettings, version: string): () => SessionSettings {
  return derived(
    [core.me, core.connection, core.outbound],
    () => build(core.me.value, core.connection.value, core.outbound.value, version),
  );
}

/** A value made from live ones, made anew when one of them changes. */
export function derived<T>(sources: readonly Live<unknown>[], make: () => T): () => T {
  let value = make();
  for (const source of sources) source.onChange(() => value = make());
  return () => value;
}
