/** Rows of the checklist that a configuration and a running server show: each test makes a site, and looks at it as an operator would. */
import assert from "node:assert/strict";
import { readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { freePort } from "../kit/mail_programs.ts";
import { eventually, readMaildir, type RunningSite, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

async function banner(port: number, host = "127.0.0.1"): Promise<string> {
  await using client = await SmtpClient.connect(port, { host });
  return (await client.reply())!;
}
const refused = (port: number) => assert.rejects(SmtpClient.connect(port));

test("[row 43] smtp.json or smtp.yaml replaces any file of the configuration by its !name", async () => {
  for (const [name, text] of [["smtp.json", JSON.stringify], ["smtp.yaml", JSON.stringify]] as const) {
    const [written, replaced] = [await freePort(), await freePort()];
    await using kasi = await startKasi({
      listen: `127.0.0.1:${written}`,
      files: {
        "config/host_list": "not.this.test\n",
        // JSON is YAML too.
        [`config/${name}`]: text({
          "!smtp.ini": { main: { listen: `127.0.0.1:${replaced}` } },
          "!host_list": ["this.test"],
          "!me": "replaced.test",
          "!plugins": ["rcpt_to.in_host_list", "queue/discard"],
        }),
      },
    });
    assert.deepEqual(kasi.ports, [replaced]);
    await refused(written);
    await using client = await SmtpClient.connect(replaced);
    assert.match(await client.hello(), /^250-replaced\.test /);
    await client.say("MAIL FROM:<a@b.test>");
    assert.match(await client.say("RCPT TO:<a@this.test>"), /^250/);
    assert.match(await client.say("RCPT TO:<a@not.this.test>"), /^550/);
  }
});

test("[row 53] listen takes IPv4, IPv6 with and without brackets, a bare port, host names, and sockets with a mode: one listener each", async () => {
  const [v4, v6, bracketed, bare, named] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const dir = temporaryDir();
  const [socket, plain] = [join(dir, "kasi.sock"), join(dir, "plain.sock")];
  const listen = [
    `127.0.0.1:${v4}`,
    `::1:${v6}`,
    `[::1]:${bracketed}`,
    String(bare),
    `localhost:${named}`,
    `${socket}:660`,
    plain,
  ];
  await using kasi = await startKasi({ listen: listen.join(",") });
  await kasi.untilLogged(/Listening on \S*plain\.sock/);
  for (const [port, host] of [[v4, "127.0.0.1"], [v6, "::1"], [bracketed, "::1"]] as const) {
    assert.match(await banner(port, host), /^220 kasi\.test/);
  }
  await refused(v6);
  // A port by itself is all addresses; `localhost` is both of its.
  for (const host of ["127.0.0.1", "::1"]) {
    assert.match(await banner(bare, host), /^220 /);
    assert.match(await banner(named, host), /^220 /);
  }
  assert.equal(kasi.output().match(/Listening on/g)!.length, 8);
  assert.equal(statSync(socket).mode & 0o777, 0o660);
  for (const path of [socket, plain]) {
    const client = net.connect(path);
    const said = await new Promise<string>((resolve) => client.once("data", (octets) => resolve(String(octets))));
    assert.match(said, /^220 /);
    client.destroy();
  }
});

const DUMP = `
  const seen = (path, value) => value === undefined ? "undefined" : value;
  export default { name: "dump", setup({ server, log }) {
    server.notes.set("a.b.c", "of the server");
    const said = (name, value) => log.notice(name + " " + JSON.stringify(value));
    return {
      connect({ session }) {
        session.notes.set("deep.er", { still: 1 });
        said("dump-connect", { proxy: seen("proxy", session.proxy), hello: seen("hello", session.hello) });
      },
      mail({ session, transaction }) {
        const { local, remote, hello, tls, proxy } = session;
        const { ip, port, host, info, isPrivate, isLocal } = remote;
        said("dump-mail", {
          local, hello, proxy: seen("proxy", proxy),
          remote: { ip, port: typeof port, host, info, isPrivate, isLocal },
          tls: tls === undefined ? "none" : { protocol: tls.protocol, cipher: tls.cipher.name !== "" },
        });
        transaction.notes.set("x.y", [1, 2]);
        said("dump-notes", {
          server: server.notes.get("a.b.c"), part: server.notes.get("a.b"), none: seen("", server.notes.get("a.x.c")),
          session: session.notes.get("deep.er.still"), transaction: transaction.notes.get("x.y"),
          gone: seen("", transaction.notes.get("left")),
          all: [session.notes, session.results, transaction.notes, transaction.results],
        });
        transaction.notes.set("left", "by the transaction before");
      },
    };
  } };`;
/** What the plugin has dumped, once there are so many; the log may come a moment behind the reply. */
const said = (kasi: RunningSite, name: string, count: number) =>
  eventually(() => {
    const found = [...kasi.output().matchAll(new RegExp(`${name} (\\{.*\\})`, "g"))].map((match) =>
      JSON.parse(match[1]!)
    );
    return found.length >= count ? found : undefined;
  });

test("[row 92] notes of server, connection and transaction take dotted paths, and live as long as what they belong to", async () => {
  await using kasi = await startKasi({ files: { "config/plugins": "dump\n", "plugins/dump.js": DUMP } });
  for (let connection = 0; connection < 2; connection++) {
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    for (let mail = 0; mail < 2; mail++) assert.match(await client.say("MAIL FROM:<a@b.test>"), /^250/);
  }
  const notes = await said(kasi, "dump-notes", 4);
  assert.equal(notes.length, 4);
  for (const { all: _, ...dumped } of notes) {
    assert.deepEqual(dumped, {
      server: "of the server",
      part: { c: "of the server" },
      none: "undefined",
      session: 1,
      transaction: [1, 2],
      gone: "undefined",
    });
  }
});

test("[row 93] local, remote, hello, tls and proxy say who is there; private and local are derived", async () => {
  const files = { "config/plugins": "tls\ndump\n", "plugins/dump.js": DUMP };
  {
    await using kasi = await startKasi({ files });
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    await client.say("MAIL FROM:<a@b.test>");
    const { port } = kasi;
    assert.deepEqual(await said(kasi, "dump-connect", 1), [{ proxy: "undefined", hello: "undefined" }]);
    assert.deepEqual(await said(kasi, "dump-mail", 1), [{
      local: { ip: "127.0.0.1", port, host: "kasi.test" },
      hello: { verb: "EHLO", host: "client.test" },
      proxy: "undefined",
      remote: { ip: "127.0.0.1", port: "number", host: "localhost", info: "localhost", isPrivate: true, isLocal: true },
      tls: "none",
    }]);
  }
  await using kasi = await startKasi({ files: { ...files, "config/haproxy_hosts": "127.0.0.1\n" } });
  for (const [ip, isPrivate] of [["10.1.2.3", true], ["8.8.8.8", false]] as const) {
    await using client = await SmtpClient.connect(kasi.port);
    await client.write(`PROXY TCP4 ${ip} 198.51.100.1 1234 26\r\n`);
    await client.hello();
    await client.startTls();
    await client.say("HELO again");
    await client.say("MAIL FROM:<a@b.test>");
    const { remote, ...dumped } = (await said(kasi, "dump-mail", isPrivate ? 1 : 2)).at(-1);
    assert.deepEqual([remote.ip, remote.isPrivate, remote.isLocal], [ip, isPrivate, false]);
    assert.deepEqual(dumped, {
      local: { ip: "198.51.100.1", port: 26, host: "kasi.test" },
      hello: { verb: "HELO", host: "again" },
      proxy: { type: "haproxy", ip: "127.0.0.1" },
      tls: { protocol: "TLSv1.3", cipher: true },
    });
  }
});

for (
  const [generation, files] of [
    ["3.0's files", {
      "config/smtpgreeting": "first of two\nsecond of two\n",
      "config/ehlo_hello_message": "glad to see you\n",
      "config/connection_close_message": "was nice\n",
    }],
    ["3.1's connection.ini", {
      "config/connection.ini":
        "[message]\ngreeting[]=first of two\ngreeting[]=second of two\nhelo=glad to see you\nclose=was nice\n",
    }],
  ] as const
) {
  test(`[row 101] greeting, HELO text and closing text are the operator's, by ${generation}`, async () => {
    await using kasi = await startKasi({ files });
    for (const verb of ["EHLO", "HELO"]) {
      await using client = await SmtpClient.connect(kasi.port);
      assert.match((await client.reply())!, /^220-kasi\.test ESMTP first of two \(\w{6}\)\n220 second of two$/);
      assert.match(
        await client.say(`${verb} me`),
        /^250[- ]kasi\.test Hello localhost \[127\.0\.0\.1\], glad to see you$/m,
      );
      assert.equal(await client.say("QUIT"), `221 ${verb === "EHLO" ? "2.0.0 " : ""}kasi.test was nice`);
    }
  });
}

test("[row 127] add_received=false leaves the header out, show_version=false the version", async () => {
  const plugins = "rcpt_to.in_host_list\nqueue/maildir\n";
  for (const value of [true, false]) {
    await using kasi = await startKasi({
      files: {
        "config/plugins": plugins,
        "config/connection.ini": `[headers]\nadd_received=${value}\nshow_version=${value}\n`,
      },
    });
    await using client = await SmtpClient.connect(kasi.port);
    assert.match((await client.reply())!, value ? / Kasi\/\d+\.\d+\.\d+ / : / Kasi ready/);
    await client.say("EHLO me");
    await client.mail("a@b.test", ["you@kasi.test"], "Subject: x\r\n\r\nx\r\n");
    const [mail] = readMaildir(join(kasi.dir, "mail/kasi.test/you/new"));
    assert.equal(/^Received:/m.test(mail!), value);
    assert.equal(/Kasi\/\d/.test(mail!), value);
  }
});

test("[row 172] AUTH is not offered without TLS, but to clients of a private network", async () => {
  await using kasi = await startKasi({
    files: {
      "config/plugins": "tls\nauth/flat_file\n",
      "config/auth_flat_file.ini": "[core]\nmethods=PLAIN,LOGIN\n[users]\ntim=secret\n",
      "config/haproxy_hosts": "127.0.0.1\n",
    },
  });
  for (const [ip, inPlain] of [["8.8.8.8", false], ["192.168.1.1", true]] as const) {
    await using client = await SmtpClient.connect(kasi.port);
    await client.write(`PROXY TCP4 ${ip} 198.51.100.1 1234 25\r\n`);
    assert.equal(/^250[- ]AUTH PLAIN LOGIN$/m.test(await client.hello()), inPlain, ip);
    if (!inPlain) assert.match(await client.say("AUTH PLAIN AHRpbQBzZWNyZXQ="), /^500/);
    await client.startTls();
    assert.match(await client.say("EHLO me"), /^250[- ]AUTH PLAIN LOGIN$/m);
    assert.match(await client.say("AUTH PLAIN AHRpbQBzZWNyZXQ="), /^235/);
  }
});

test("[row 180] the password stands in no note, no result and no line of the log, at any level", async () => {
  await using kasi = await startKasi({
    files: {
      "config/log.ini": "level=data\n",
      "config/plugins": "auth/flat_file\ndump\n",
      "plugins/dump.js": DUMP,
      "config/auth_flat_file.ini": "[core]\nmethods=PLAIN,LOGIN\n[users]\ntim=opensesame\n",
    },
  });
  const base64 = (text: string) => btoa(text);
  const [plain, login] = [base64("\0tim\0opensesame"), base64("opensesame")];
  for (const how of ["PLAIN", "LOGIN"]) {
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    if (how === "PLAIN") assert.match(await client.say(`AUTH PLAIN ${plain}`), /^235/);
    else {
      await client.say("AUTH LOGIN");
      await client.say(base64("tim"));
      assert.match(await client.say(login), /^235/);
    }
    assert.match(await client.say("MAIL FROM:<a@b.test>"), /^250/);
  }
  const dumped = await said(kasi, "dump-notes", 2);
  assert.equal(dumped.length, 2);
  // What there is to know is there, so that the dump is no empty one.
  assert.equal(dumped[0].all[0].auth_user, "tim");
  for (const secret of ["opensesame", plain, login]) assert.equal(kasi.output().includes(secret), false, secret);
});

test("[row 65] a log hook that says ok keeps a line from the output, and may write it elsewhere", async () => {
  const mine = `export default { name: "mine", setup({ machine, dataDir }) { return { log({ item }) {
    machine.host.writeTextFileSync(dataDir + "/my.log", item.level + " " + item.message + "\\n", { append: true });
    if (!item.message.includes("Listening")) return { kind: "ok" };
  } }; } };`;
  await using kasi = await startKasi({ files: { "config/plugins": "mine\n", "plugins/mine.js": mine } });
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  await client.say("QUIT");
  const mineLog = () => readFileSync(join(kasi.dir, "my.log"), "utf8");
  await eventually(() => /^NOTICE disconnect/m.test(mineLog()));
  assert.match(mineLog(), /^NOTICE Starting up/m);
  const lines = kasi.output().trimEnd().split("\n");
  assert.equal(lines.length, 1, kasi.output());
  assert.match(lines[0]!, /Listening on/);
});

test("[row 45] [row 46] [row 69] files that are edited, created and taken away are read again within 6 seconds, log.ini too", async () => {
  const reader = `export default { name: "reader", async setup({ config, log }) {
    const told = (name, live) => live.onChange((value) => log.notice("told " + name + " " + JSON.stringify(value)));
    told("one", await config.list("one"));
    told("two", await config.value("two"));
    told("later", await config.list("later"));
    return {};
  } };`;
  await using kasi = await startKasi({
    files: { "config/plugins": "reader\n", "plugins/reader.js": reader, "config/one": "a\n", "config/two": "b\n" },
  });
  const write = (name: string, text: string) => writeFileSync(join(kasi.dir, "config", name), text);
  const begun = performance.now();
  write("one", "a\nnew\n");
  write("later", "here\n");
  await kasi.untilLogged(/told one \["a","new"\]/);
  const took = performance.now() - begun;
  assert.ok(took > 4500 && took < 7000, `${took} ms`);
  await kasi.untilLogged(/told later \["here"\]/);
  // Each reader hears of its own file only.
  assert.doesNotMatch(kasi.output(), /told two/);
  unlinkSync(join(kasi.dir, "config/later"));
  write("log.ini", "[main]\nlevel=notice\nformat=json\n");
  await kasi.untilLogged(/told later \[\]/);
  await eventually(async () => {
    await banner(kasi.port);
    return /^\{.*"level":"NOTICE".*connect/m.test(kasi.output());
  }, 10_000);
  write("log.ini", "[main]\nlevel=warn\n");
  await eventually(async () => {
    const length = kasi.output().length;
    await banner(kasi.port);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return kasi.output().length === length;
  }, 10_000);
});
