/**
 * Runs one hook of one plugin, as the server would, without a server:
 *
 *     const { verdict } = await hook(plugin, "rcpt", { to: "nobody@example.com" });
 *     assert.equal(verdict?.kind, "deny");
 *
 * What the event needs and the test does not name is made up. For several hooks of one plugin: {@linkcode startPlugin}.
 */
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import type { HookName, HookVerdict } from "../../src/hooks/points.ts";
import type { Logger } from "../../src/log/types.ts";
import type { ResultRecord } from "../../src/hooks/results.ts";
import {
  address,
  fakeCapabilities,
  type FakeSession,
  fakeSession,
  type FakeSessionOptions,
  message,
  recipient,
} from "./fake_session.ts";
import { BodyPlan } from "../../src/session/body_plan.ts";
import { type FakePluginHost, pluginHost, type PluginHostOptions } from "./plugin_host.ts";

export interface HookOptions extends Omit<FakeSessionOptions, "to"> {
  /** A session used before; the other options of a session are passed over then. */
  readonly session?: FakeSession;
  /** The recipient of `rcpt`; the recipients of the transaction elsewhere. */
  readonly to?: string | readonly string[];
  /** The message's text. */
  readonly message?: string;
  /** Further fields of the event, and those above in another way. */
  readonly event?: { readonly [field: string]: unknown };
}
export interface HookRun<N extends HookName> {
  readonly verdict: HookVerdict<N> | undefined;
  readonly session: FakeSession;
  /** What the plugin noted: of the transaction, else of the session. */
  readonly results: ResultRecord | undefined;
}
export interface StartedPlugin extends FakePluginHost {
  run<N extends HookName>(name: N, options?: HookOptions): Promise<HookRun<N>>;
}

export async function startPlugin(plugin: Plugin, options: PluginHostOptions = {}): Promise<StartedPlugin> {
  const fake = pluginHost(plugin.name, options);
  const { machine, log: { log } } = fake;
  const runner = new HookRunner({ clock: machine.clock, log });
  runner.add(plugin, { ...plugin.hooks, ...await plugin.setup?.(fake.host) });
  return {
    ...fake,
    async run(name, options = {}) {
      const { session, event } = eventFor(options, log);
      const { verdict } = await runner.run(name, event as never, { log });
      const results = session.transaction?.results.get(plugin) ?? session.results.get(plugin);
      return { verdict, session, results };
    },
  };
}

export async function hook<N extends HookName>(
  plugin: Plugin,
  name: N,
  options: HookOptions & PluginHostOptions = {},
): Promise<HookRun<N>> {
  return await (await startPlugin(plugin, options)).run(name, options);
}

function eventFor(options: HookOptions, log: Logger): { session: FakeSession; event: object } {
  const to = options.to === undefined ? [] : [options.to].flat();
  const session = options.session ?? fakeSession({ from: "sender@client.test", log, ...options, to });
  const { transaction } = session;
  const sent = message(options.message ?? "Subject: test\n\nHello\n");
  if (transaction?.body instanceof BodyPlan) void transaction.body.arrived(sent);
  const event = {
    session,
    ...(transaction && { transaction, sender: transaction.sender }),
    ...(to[0] !== undefined && { recipient: recipient(to[0]) }),
    ...(options.from !== undefined && { sender: address(options.from) }),
    message: sent,
    capabilities: fakeCapabilities(),
    parameters: new Map(),
    ...options.event,
  };
  return { session, event };
}
