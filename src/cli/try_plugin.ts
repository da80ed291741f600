/**
 * `kasi -c DIR -t PLUGIN`: one mail through the very session code, in memory, with only the plugins that are named. Prints the dialogue, each hook function
 * with its verdict and time, and what the plugin looked up.
 *
 * Nothing is listened on and there is no queue: whom no plugin claims is taken at the end of the chain, and so is the message. What a plugin does it
 * does in earnest: one that keeps or forwards mail, keeps or forwards this one. The first refusal ends it, unless `--skip-deny` overrules them all. Exit code 1 when something was refused.
 */
import { type Bytes, concat, utf8Decode } from "../base/bytes.ts";
import type { Hooks } from "../hooks/runner.ts";
import type { HookTable } from "../hooks/plugin.ts";
import { ok } from "../hooks/verdict.ts";
import type { Machine } from "../host/types.ts";
import { createLogging } from "../log/logging.ts";
import type { LogItem } from "../log/types.ts";
import type { Message } from "../mail/message.ts";
import { memorySource } from "../mail/source.ts";
import { rehearse } from "../server/rehearsal.ts";
import { sessionSettings } from "../server/session_settings.ts";
import type { BodyFile } from "../session/context.ts";
import { runSession } from "../session/session.ts";
import { VERSION } from "../version.ts";
import { dumpParts } from "./dump_parts.ts";
import { storyteller } from "./explain_story.ts";
import { memoryClient } from "./memory_client.ts";
import type { Terminal } from "./terminal.ts";
import type { TryAction } from "./tool_options.ts";

/** The plugin at the end of the chain, which nobody wants to hear of. */
const LAST = "(test)";

export async function tryPlugin(
  action: TryAction,
  { machine, out }: { machine: Machine; out: Terminal },
): Promise<number> {
  const { clock, host, resolver } = machine;
  const message = action.message === undefined ? madeUp(action) : withCrlf(host.readFileSync(action.message));
  const tell = storyteller();
  const logging = createLogging({ clock, sinks: [], level: "PROTOCOL" });
  logging.attachHook((item) => {
    if (item.fields.plugin !== LAST) out.say(tell(strung(item)));
    return true;
  });
  const all = action.plugins.includes("all");
  const rehearsal = await rehearse({
    machine,
    log: logging.root,
    setUp: true,
    ...(action.site === undefined ? {} : { site: action.site }),
    ...(all ? {} : { plugins: action.plugins }),
  });
  rehearsal.hooks.add({ name: LAST, timeoutMs: 0 }, lastPlugin(action, out));
  const stop = new AbortController();
  const client = memoryClient();
  try {
    const session = runSession(client.readable, client.writable, {
      local: { transport: "tcp", hostname: "127.0.0.1", port: 25 },
      remote: { transport: "tcp", hostname: action.ip, port: 12345 },
      hooks: rehearsal.hooks as Hooks,
      log: logging.root,
      clock,
      resolver,
      settings: sessionSettings(rehearsal.core, VERSION)(),
      enqueue: () => Promise.reject(new Error("This is a trial without a queue")),
      spool: memoryBody,
      signal: stop.signal,
    });
    const refused = await talk(action, client, message);
    client.end();
    await session;
    return refused ? 1 : 0;
  } finally {
    stop.abort(new Error("The trial is over"));
    await rehearsal.stop();
  }
}

/** Whether anything was refused. */
async function talk(action: TryAction, client: ReturnType<typeof memoryClient>, message: Bytes): Promise<boolean> {
  const steps: readonly (string | Uint8Array)[] = [
    action.helo === undefined ? `EHLO ${action.ehlo}\r\n` : `HELO ${action.helo}\r\n`,
    `MAIL FROM:<${bare(action.from)}>\r\n`,
    ...action.to.map((address) => `RCPT TO:<${bare(address)}>\r\n`),
    "DATA\r\n",
    message,
  ];
  let refused = (await client.reply() ?? 421) >= 400;
  for (const step of refused ? [] : steps) {
    client.say(step);
    const code = await client.reply();
    if (code === undefined) return true;
    if (code >= 400) refused = true;
    if (refused && !action.skipDeny) break;
  }
  client.say("QUIT\r\n");
  await client.reply();
  return refused;
}

/** Takes what is left to take, shows what was asked to be shown. */
function lastPlugin(action: TryAction, out: Terminal): HookTable {
  const take = {
    priority: 100,
    async run({ message }: { readonly message: Message }) {
      if (action.dumpMime) out.say(await dumpParts(message));
      if (action.dumpStream) out.say(utf8Decode(await octetsOf(message)));
      return ok();
    },
  };
  return {
    rcpt: { priority: 100, run: () => ok() },
    queue: take,
    queue_outbound: take,
    ...(action.skipDeny ? { deny: { priority: -100, run: () => ok() } } : {}),
    ...(action.relay ? { connect_init: { priority: -100, run: ({ session }) => void (session.relaying = true) } } : {}),
  };
}

async function octetsOf(message: Message): Promise<Bytes> {
  const parts: Bytes[] = [];
  const reader = message.open().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value.slice());
  return concat(parts);
}

function bare(address: string): string {
  return address.replace(/^<(.*)>$/, "$1");
}

function strung(item: LogItem) {
  const fields = Object.fromEntries(Object.entries(item.fields).map(([key, value]) => [key, String(value ?? "")]));
  return { ...item, time: undefined, fields };
}

function madeUp({ from, to }: TryAction): Bytes {
  return withCrlf(
    new TextEncoder().encode(
      `From: ${bare(from)}\nTo: ${to.map(bare).join(", ")}\nSubject: Test\nMessage-Id: <test@kasi.invalid>\n` +
        `Date: Thu, 01 Jan 2026 00:00:00 +0000\n\nThis is a test.\n`,
    ),
  );
}

/** As it goes over the wire: lines end in CRLF, a dot in front is doubled (RFC 5321 §4.5.2), and a dot ends it. */
function withCrlf(octets: Uint8Array): Bytes {
  let text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/).map((line) => line.startsWith(".") ? `.${line}` : line);
  return Uint8Array.from([...lines, ".", ""].join("\r\n"), (char) => char.charCodeAt(0));
}

function memoryBody(): BodyFile {
  const parts: Bytes[] = [];
  return {
    write: (chunk) => void parts.push(new Uint8Array(chunk)),
    finish: () => Promise.resolve(memorySource(concat(parts))),
    discard: () => void parts.splice(0),
  };
}
