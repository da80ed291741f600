/** Compile-only: what a plugin may write, and, each line with its proof, what must not compile. */
import { answer, defer, deny, hangUp, ok, type Plugin } from "kasi";
import { HOOK_RULES } from "../../src/hooks/rules.ts";
import type { RefusingRule } from "../../src/hooks/rules.ts";

declare module "../../src/hooks/points.ts" {
  interface PluginHooks {
    "check:seen": { readonly event: { readonly triplet: string }; readonly may: "ok"; readonly answer: never };
  }
}

// May.
({ name: "x", hooks: { rcpt: () => undefined } }) satisfies Plugin;
({
  name: "x",
  hooks: { rcpt: async ({ recipient }) => recipient.address.host === "bad" ? deny("no") : undefined },
}) satisfies Plugin;
({
  name: "x",
  hooks: { rcpt: { priority: -5, run: () => defer("later", { code: 451, enhanced: "4.7.1" }) } },
}) satisfies Plugin;
({
  name: "x",
  hooks: {
    mail: async () => {
      await 0;
    },
  },
}) satisfies Plugin;
({ name: "x", hooks: { connect: () => hangUp(), lookup_rdns: () => answer("mx.example.com") } }) satisfies Plugin;
({ name: "x", hooks: { data_post: ({ message }) => message.size > 10 ? deny() : ok() } }) satisfies Plugin;
({
  name: "x",
  hooks: { get_mx: () => answer(["mx.example.com", { host: "h", port: 25, priority: 0, protocol: "smtp" }]) },
}) satisfies Plugin;
({ name: "x", hooks: { "check:seen": ({ triplet }) => triplet ? ok() : undefined } }) satisfies Plugin;
({ name: "x", setup: async ({ config }) => ({ noop: () => void config.path("x") }) }) satisfies Plugin;

// Must not.
// @ts-expect-error a hook that does not exist
({ name: "x", hooks: { recpt: () => undefined } }) satisfies Plugin;
// @ts-expect-error connect_init takes no verdict
({ name: "x", hooks: { connect_init: () => deny("no") } }) satisfies Plugin;
// @ts-expect-error nor from a promise
({ name: "x", hooks: { connect_init: async () => deny("no") } }) satisfies Plugin;
// @ts-expect-error lookup_rdns answers with a string
({ name: "x", hooks: { lookup_rdns: () => answer(7) } }) satisfies Plugin;
// @ts-expect-error data cannot be answered ok
({ name: "x", hooks: { data: () => ok() } }) satisfies Plugin;
// @ts-expect-error there is no message yet at rcpt
({ name: "x", hooks: { rcpt: ({ message }) => void message } }) satisfies Plugin;
// @ts-expect-error a bare string is no verdict
({ name: "x", hooks: { mail: () => "DENY" } }) satisfies Plugin;
// @ts-expect-error a plugin has a name
({ hooks: {} }) satisfies Plugin;
// @ts-expect-error a plugin's own hook is held to its declaration
({ name: "x", hooks: { "check:seen": () => deny() } }) satisfies Plugin;
// @ts-expect-error send_email answers with seconds
({ name: "x", hooks: { send_email: () => answer("soon") } }) satisfies Plugin;

// The rules know at compile time who may refuse, agree and answer.
HOOK_RULES.mail satisfies RefusingRule;
HOOK_RULES.connect.ok satisfies true;
HOOK_RULES.data.ok satisfies false;
HOOK_RULES.get_mx.answer satisfies true;
// @ts-expect-error disconnect refuses nothing
HOOK_RULES.disconnect satisfies RefusingRule;
