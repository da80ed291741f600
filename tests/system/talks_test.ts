/**
 * Every talk of `tests/talks/` against a whole server over a real socket: listener, configuration files, hooks, TLS by a true handshake.
 *
 * The server believes that its clients come from where the talk says, and asks a zone of ours for their names; nothing else is pretended.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { latin1Encode } from "../../src/base/bytes.ts";
import { thisMachine } from "../../src/host/machine.ts";
import type { Addr, Conn, Listener, Machine } from "../../src/host/types.ts";
import { ok } from "../../src/hooks/verdict.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import { createLogging } from "../../src/log/logging.ts";
import { serve } from "../../src/server.ts";
import { VERSION } from "../../src/version.ts";
import { EXTENSIONS, LIMITS, SETTINGS, type Taken, TalkClient, textOf } from "../kit/session_kit.ts";
import { temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { hooksOf, parseTalk, playTalk, pluginsOf, type Talk } from "../kit/talk.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

const TALKS = new URL("../talks/", import.meta.url);
const machine = await thisMachine({ resolver: zone({ "100.2.0.192.in-addr.arpa": { PTR: ["client.test"] } }) });

for (const file of readdirSync(TALKS).filter((name) => name.endsWith(".talk")).sort()) {
  const text = readFileSync(new URL(file, TALKS), "utf8").replaceAll("Kasi/1.2.3", `Kasi/${VERSION}`);
  const talk = parseTalk(file, text);
  const skip = /^wait /m.test(text)
    ? "waits longer than a test over a socket may"
    : /^hook capabilities starttls$/m.test(text) && !/^certificate$/m.test(text)
    ? "a whole server is never without a certificate"
    : undefined;
  // Rows are proved by the same talk in memory.
  test(`Over a socket: ${talk.title.replace(/^(\[row \d+\] *)+/, "")}`, { skip, timeoutMs: 20_000 }, () => play(talk));
}

async function play(talk: Talk): Promise<void> {
  const dir = temporaryDir("kasi-talk-");
  const taken: Taken[] = [];
  writeSite(dir, {
    files: {
      "config/connection.ini": connectionIni(talk),
      "config/me": `${SETTINGS.me}\n`,
      ...Object.fromEntries(Object.entries(talk.files).map(([file, text]) => [`config/${file}`, text])),
    },
    smtpIni: smtpIni(talk),
  });
  const server = await serve({
    site: dir,
    machine: seenFrom(talk),
    logging: createLogging({ clock: machine.clock, sinks: [] }),
    plugins: [
      ...await pluginsOf(talk),
      { name: "test", hooks: hooksOf(talk) },
      ...talk.options.keep ? [keeper(taken)] : [],
    ],
  });
  try {
    const { port } = server.addresses[0] as Extract<Addr, { port: number }>;
    await using client = await SmtpClient.connect(port, talk.options.tls ? { tls: {} } : {});
    await playTalk(talk, { client: new TalkClient(streamsOf(client)), taken });
  } finally {
    await server.stop(0);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What the talk sets, in the words of the configuration files. */
function connectionIni({ options }: Talk): string {
  const { limits, settings, extensions } = {
    limits: { ...LIMITS, ...options.limits },
    extensions: { ...EXTENSIONS, ...options.extensions },
    settings: { ...SETTINGS, ...options.settings },
  };
  const sections: { readonly [name: string]: { readonly [key: string]: unknown } } = {
    main: {
      spool_after: settings.spoolAfter,
      strict_rfc1869: settings.strictRfc1869,
      smtputf8: settings.smtpUtf8,
      bare_lf: settings.bareLf,
      submission_ports: settings.submissionPorts.join(","),
    },
    headers: {
      add_received: settings.addReceived,
      clean_auth_results: settings.cleanAuthResults,
      max_lines: limits.headerLines,
      max_received: limits.receivedHeaders,
    },
    max: {
      bytes: limits.dataBytes,
      mime_parts: limits.mimeParts,
      line_length: limits.lineLength,
      data_line_length: limits.dataLineLength,
      errors: limits.errors,
      auth_failures: limits.authFailures,
      recipients: limits.recipients,
      messages: limits.messages,
      recipient_domains: limits.recipientDomains,
    },
    extensions: {
      dsn: extensions.dsn,
      requiretls: extensions.requireTls,
      binarymime: extensions.binaryMime,
      mt_priority: extensions.priority,
      deliverby: extensions.deliverBy,
      deliverby_min: extensions.deliverByMin,
      futurerelease: extensions.futureRelease,
      limits: extensions.limits,
    },
    message: { helo: settings.helo, close: settings.close, "greeting[]": settings.greeting },
    uuid: { banner_chars: settings.bannerChars, deny_chars: settings.denyChars },
  };
  return Object.entries(sections).map(([name, keys]) => {
    const lines = Object.entries(keys).flatMap(([key, value]) =>
      (Array.isArray(value) ? value : [value]).map((each) => `${key}=${each}\n`)
    );
    return `[${name}]\n${lines.join("")}`;
  }).join("\n");
}

/** The endpoint says port 0, so that a talk that is secure from its first octet makes that the smtps port. */
function smtpIni({ options }: Talk): string {
  const timeout = (options.settings?.inactivityTimeoutMs ?? SETTINGS.inactivityTimeoutMs) / 1000;
  return `inactivity_timeout=${timeout}\nsmtps_port=${options.tls ? 0 : 465}\n`;
}

/** The last plugin, as in `session_kit.ts`: every recipient is welcome, every mail kept. */
function keeper(taken: Taken[]): Plugin {
  return {
    name: "keeper",
    hooks: {
      rcpt: () => ok(),
      async queue({ session, transaction: { id, sender, recipients, smtpUtf8 }, message }) {
        // The server's own reports to senders that it takes mail for: the talk counts the client's.
        if (session.hello?.host === SETTINGS.me) return ok();
        taken.push({
          by: "queue",
          envelope: { id, sender, recipients: [...recipients], smtpUtf8 },
          text: await textOf(message),
        });
        return ok();
      },
    },
  };
}

/** This machine, but its connections carry the addresses of the talk. */
function seenFrom({ options }: Talk): Machine {
  const remoteAddr: Addr = options.remote ?? { transport: "tcp", hostname: "192.0.2.100", port: 41_000 };
  const localAddr: Addr = options.local ?? { transport: "tcp", hostname: "198.51.100.1", port: 25 };
  const disguised = (conn: Conn): Conn => ({
    readable: conn.readable,
    writable: conn.writable,
    localAddr,
    remoteAddr,
    close: () => conn.close(),
    closeWrite: () => conn.closeWrite(),
    setNoDelay: (on) => conn.setNoDelay?.(on),
  });
  const listen = (to: { hostname: string; port: number }): Listener => {
    const listener = machine.host.listen(to);
    return {
      addr: listener.addr,
      accept: async () => disguised(await listener.accept()),
      close: () => listener.close(),
      [Symbol.asyncIterator]: () => listener[Symbol.asyncIterator](),
    };
  };
  return { ...machine, host: Object.create(machine.host, { listen: { value: listen } }) };
}

/** The client as a talk wants it. It goes over to TLS by itself when the server has said yes to STARTTLS. */
function streamsOf(client: SmtpClient): ConstructorParameters<typeof TalkClient>[0] {
  let asked = false;
  return {
    readable: new ReadableStream({
      async pull(controller) {
        const reply = await client.reply();
        if (reply === undefined) return controller.close();
        if (asked && reply.startsWith("220")) await client.upgrade();
        asked = false;
        controller.enqueue(latin1Encode(`${reply.replaceAll("\n", "\r\n")}\r\n`));
      },
    }, { highWaterMark: 0 }),
    writable: new WritableStream({
      async write(chunk) {
        asked = /^STARTTLS\r\n$/i.test(new TextDecoder().decode(chunk));
        await client.write(chunk);
      },
      close: () => client.end(),
    }),
    close: () => {},
  };
}
