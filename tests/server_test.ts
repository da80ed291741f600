import assert from "node:assert/strict";
import { latin1Decode, utf8Encode } from "../src/base/bytes.ts";
import { ConfigError } from "../src/base/config_error.ts";
import type { SiteConfig } from "../src/config/types.ts";
import { closeConn } from "../src/host/conn.ts";
import type { Conn, DnsLimits, Resolver } from "../src/host/types.ts";
import { PluginError } from "../src/hooks/loader.ts";
import type { Plugin } from "../src/hooks/plugin.ts";
import type { Outbound } from "../src/hooks/send.ts";
import { answer, ok } from "../src/hooks/verdict.ts";
import { createLogging } from "../src/log/logging.ts";
import { serve, type ServeOptions } from "../src/server.ts";
import { type MemoryMachine, memoryMachine } from "./kit/memory_host.ts";
import { test } from "./kit/test.ts";

const FILES: Readonly<Record<string, string>> = { "smtp.ini": "listen=127.0.0.1:25\n", me: "kasi.test\n", plugins: "" };

/** A machine with a site directory on its disk, and the options that serve it. */
function siteInMemory(files: Readonly<Record<string, string>> = {}): { machine: MemoryMachine; options: ServeOptions } {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  for (const [name, text] of Object.entries({ ...FILES, ...files })) {
    machine.host.writeTextFileSync(`/site/config/${name}`, text);
  }
  return { machine, options: { machine, site: "/site", logging: createLogging({ clock: machine.clock, sinks: [] }) } };
}

/** Says lines to a server and gives all it answered until it closes. */
async function dialogue(machine: MemoryMachine, text: string): Promise<string> {
  const conn = await machine.host.connect({ hostname: "127.0.0.1", port: 25 });
  const writer = conn.writable.getWriter();
  await writer.write(utf8Encode(text));
  const answered = await readAll(conn);
  closeConn(conn);
  return answered;
}

async function readAll(conn: Conn): Promise<string> {
  let text = "";
  for await (const chunk of conn.readable) text += latin1Decode(chunk);
  return text;
}

/** A next hop that says yes to everything and keeps what it was sent. */
async function sink(machine: MemoryMachine, port: number, messages: string[]): Promise<void> {
  const conn = await machine.host.listen({ hostname: "127.0.0.1", port }).accept();
  const writer = conn.writable.getWriter();
  const say = (line: string) => writer.write(utf8Encode(`${line}\r\n`));
  await say("220 sink");
  let text = "";
  for await (const chunk of conn.readable) {
    text += latin1Decode(chunk);
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const verb = text.slice(0, 4).toUpperCase();
      if (verb === "DATA" && !text.includes("\r\n.\r\n", end)) {
        text = text.slice(end + 2);
        await say("354 go");
        break;
      }
      const stop = text.indexOf("\r\n.\r\n");
      if (!/^(EHLO|MAIL|RCPT|DATA|QUIT)$/.test(verb) && stop >= 0) {
        messages.push(text.slice(0, stop + 2));
        text = text.slice(stop + 5);
        await say("250 taken");
        continue;
      }
      if (!/^(EHLO|MAIL|RCPT|QUIT)$/.test(verb)) break;
      text = text.slice(end + 2);
      await say(verb === "QUIT" ? "221 bye" : "250 ok");
    }
  }
}

test("serve() takes a mail by its plugins, keeps it and delivers it, all in memory", async () => {
  const { machine, options } = siteInMemory();
  const messages: string[] = [];
  const hop = sink(machine, 2525, messages);
  const relay = {
    name: "relay_all",
    hooks: {
      rcpt({ session }: { session: { relaying: boolean } }) {
        session.relaying = true;
        return ok();
      },
      get_mx: () => answer("127.0.0.1:2525"),
    },
  };
  const server = await serve({ ...options, plugins: [relay] });
  const said = await dialogue(
    machine,
    "EHLO client\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n" +
      "Subject: hello\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-Id: <1@x>\r\n\r\n..dots\r\n.\r\nQUIT\r\n",
  );
  assert.match(said, /^220 kasi\.test/);
  assert.match(said, /^250 .*queued/mi);
  assert.match(said, /^221 /m);
  for (let i = 0; i < 100 && messages.length === 0; i++) await machine.clock.advance(10);
  assert.equal(messages.length, 1);
  assert.match(messages[0]!, /^Received: /);
  assert.match(messages[0]!, /\r\nSubject: hello\r\nDate: [^\r]*\r\nMessage-Id: <1@x>\r\n\r\n\.\.dots\r\n$/);
  const stopping = server.stop();
  await machine.clock.advance(60_000);
  await stopping;
  await hop;
  assert.equal(server.sessions, 0);
});

test("a program that embeds it sends mail by server.outbound; plugins from any of their hooks; once it has stopped, mail is put off [row 222]", async () => {
  const { machine, options } = siteInMemory();
  const messages: string[] = [];
  const hop = sink(machine, 2525, messages);
  let outbound: Outbound;
  const plugin: Plugin = {
    name: "tells",
    setup(host) {
      outbound = host.outbound;
      return {
        get_mx: () => answer("127.0.0.1:2525"),
        async delivered({ item }) {
          if (item.domain !== "first.test") return;
          const content = `Subject: it arrived\n\n${item.id}\n`;
          await outbound.send({ from: "<>", to: "a@second.test", content });
        },
      };
    },
  };
  const server = await serve({ ...options, plugins: [plugin] });
  const sent = await server.outbound.send({ from: "me@kasi.test", to: "a@first.test", content: "Subject: one\n\n1\n" });
  assert.equal(sent.kind, "queued");
  for (let i = 0; i < 200 && messages.length < 2; i++) await machine.clock.advance(10);
  assert.match(messages[0]!, /\r\nSubject: one\r\n[^]*\r\n\r\n1\r\n$/);
  assert.match(messages[1]!, /\r\nSubject: it arrived\r\n/);
  assert.equal(messages[1]!.endsWith(`\r\n\r\n${sent.kind === "queued" && sent.id}.1\r\n`), true);
  assert.deepEqual(await server.outbound.stats(), { inProgress: 0, queued: 0, tempFail: 0, held: 0 });
  const stopping = server.stop();
  await machine.clock.advance(60_000);
  await stopping;
  await hop;
  const late = await outbound!.send({ from: "<>", to: "a@first.test", content: "x" });
  assert.deepEqual(late.kind === "deferred" && late.why, "queue");
});

test("what net-utils.ini says of look-ups holds for the resolver, at once when it changes", async () => {
  const { machine, options } = siteInMemory({ "net-utils.ini": "[dns]\ntimeout=700\n" });
  const told: DnsLimits[] = [];
  const resolver: Resolver = { ...machine.resolver, setLimits: (limits) => void told.push(limits) };
  const server = await serve({ ...options, machine: { ...machine, resolver } });
  machine.host.writeTextFileSync("/site/config/net-utils.ini", "[dns]\ntimeout=800\ntries=5\n");
  (server.config as SiteConfig).reload();
  await server.stop(0);
  assert.deepEqual(told, [{ timeoutMs: 700, tries: 2 }, { timeoutMs: 800, tries: 5 }]);
});

test("serve() stops at a plugin that does not load, and lets go of the queue", async () => {
  const { machine, options } = siteInMemory({ plugins: "nonesuch\n" });
  await assert.rejects(serve(options), (error: unknown) => error instanceof PluginError && error.plugin === "nonesuch");
  machine.host.writeTextFileSync("/site/config/plugins", "");
  const server = await serve(options);
  const stopping = server.stop();
  await machine.clock.advance(60_000);
  await stopping;
});

test("serve() stops at a setting of the wrong form with file and line", async () => {
  const { options } = siteInMemory({ "outbound.ini": "\nconcurrency_max=lots\n" });
  await assert.rejects(serve(options), (error: unknown) => {
    return error instanceof ConfigError && error.fault.file.endsWith("outbound.ini") && error.fault.line === 2;
  });
});

test("serve() refuses to start when a plugin says no at init_master", async () => {
  const { options } = siteInMemory();
  const plugin = { name: "no", hooks: { init_master: () => ({ kind: "deny" as const, reply: {} }) } };
  await assert.rejects(
    serve({ ...options, plugins: [plugin] }),
    /plugin no failed: it refused to start at init_master/,
  );
});
