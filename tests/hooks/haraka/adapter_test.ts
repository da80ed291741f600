import assert from "node:assert/strict";
import { GLOBALS } from "../../../src/hooks/haraka/constants.ts";
import type { HookTable } from "../../../src/hooks/plugin.ts";
import { ok } from "../../../src/hooks/verdict.ts";
import { sessionKit, textOf } from "../../kit/session_kit.ts";
import { test } from "../../kit/test.ts";
import { harakaSite } from "./kit.ts";

type Named = { readonly name: string; readonly hooks: HookTable; readonly timeoutMs?: number };

/** Says the lines one by one to a session with these plugins; all that the server said. */
async function talk(plugins: readonly Named[], ...lines: string[]) {
  const kit = sessionKit({ plugins, keep: true });
  const said: string[] = [await kit.client.reply() ?? ""];
  for (const line of lines) {
    await kit.client.write(`${line}\r\n`);
    said.push(await kit.client.reply() ?? "");
  }
  kit.client.conn.close();
  await kit.over;
  return { said: said.slice(1), kit };
}

const one = async (text: string, options: Parameters<ReturnType<typeof harakaSite>["start"]>[1] = {}) => {
  using site = harakaSite({ "plugins/own.js": text });
  const started = await site.start("own", options);
  return { ...started, named: { name: "own", hooks: started.hooks } satisfies Named };
};
const MAIL = ["EHLO c.test", "MAIL FROM:<a@c.test>"];

test("register() and hook_ members: each runs once, in the order of priority, then of registration [row 73] [row 74]", async () => {
  const { named, log } = await one(`
    exports.register = function () {
      this.register_hook('mail', 'late', '50');
      this.register_hook('mail', 'first', -1000);
      this.register_hook('mail', 'middle');
      this.loginfo('registered');
    };
    for (const name of ['late', 'first', 'middle', 'hook_mail']) {
      exports[name] = function (next, connection) {
        (connection.notes.order = connection.notes.order || []).push(name);
        if (name === 'late') return next(DENY, connection.notes.order.join(' '));
        next();
      };
    }`);
  const { said } = await talk([named], ...MAIL);
  assert.equal(said[1], "550 5.7.1 first middle hook_mail late");
  assert.equal(log.items.filter(({ message }) => message === "registered").length, 1);
});

test("inherits: the child gets what it lacks, the parent's register runs for it, and base names the parent [row 75]", async () => {
  using site = harakaSite({
    "plugins/parent.js": `
      exports.register = function () { this.order = ['parent:' + this.name]; this.register_hook('mail', 'check'); };
      exports.check = function (next) { next(DENY, this.text() + ' ' + this.order.join() + ' ' + typeof this.base.parent.text); };
      exports.text = () => 'from the parent';
      exports.kept = () => 'parent';`,
    "plugins/child.js": `
      exports.register = function () { this.inherits('parent'); this.order.push('child'); };
      exports.text = () => 'from the child';`,
  });
  const { hooks } = await site.start("child");
  const { said } = await talk([{ name: "child", hooks }], ...MAIL);
  assert.equal(said[1], "550 5.7.1 from the child parent:child,child function");
});

test("a parent that is a plugin of ours lends its hooks; one that nobody has stops the start [row 75]", async () => {
  using site = harakaSite({
    "plugins/child.js": "exports.register = function () { this.inherits('queue/discard') };",
    "plugins/lost.js": "exports.register = function () { this.inherits('nowhere') };",
  });
  const discard = { name: "queue/discard", hooks: { rcpt: () => ok("of the parent") } };
  const { hooks } = await site.start("child", { shipped: { "queue/discard": async () => ({ default: discard }) } });
  const { said } = await talk([{ name: "child", hooks }], ...MAIL, "RCPT TO:<b@c.test>");
  assert.equal(said[2], "250 2.1.5 of the parent");
  await assert.rejects(site.start("lost"), /inherits from nowhere, and there is no such plugin/);
});

test("a plugin that never calls next is late by its own deadline: the client sees 4xx [row 76]", async () => {
  const { named } = await one("exports.hook_mail = function (next) {};");
  const kit = sessionKit({ plugins: [{ ...named, timeoutMs: 1500 }] });
  await kit.client.reply();
  await kit.client.write("EHLO c.test\r\n");
  await kit.client.reply();
  await kit.client.write("MAIL FROM:<a@c.test>\r\n");
  await kit.clock.advance(1499);
  const reply = kit.client.reply();
  await kit.clock.advance(1);
  assert.match(await reply ?? "", /^4\d\d /);
  kit.client.conn.close();
  await kit.over;
});

test("a second call of next is an error in the log, and only the first counts [row 78]", async () => {
  const { named } = await one("exports.hook_mail = function (next) { next(DENY, 'first'); next(OK, 'second'); };");
  const { said, kit } = await talk([named], ...MAIL, "NOOP");
  assert.deepEqual(said.slice(1), ["550 5.7.1 first", "250 2.0.0 OK"]);
  assert.match(kit.log.text(), /called next\(\) more than once at mail/);
});

test("a function that throws, or rejects, is judged as our own are: the mail is put off, the session goes on [row 77]", async () => {
  const { named } = await one(`
    exports.hook_mail = function () { throw new Error('sync trouble'); };
    exports.hook_vrfy = async function () { throw new Error('async trouble'); };`);
  const { said, kit } = await talk([named], ...MAIL, "VRFY x", "NOOP");
  assert.match(said[1]!, /^451 4\.3\.0 /);
  assert.match(said[2]!, /^4\d\d /);
  assert.equal(said[3], "250 2.0.0 OK");
  assert.match(kit.log.text(), /sync trouble/);
  assert.match(kit.log.text(), /async trouble/);
});

test("connect_init and disconnect: every function runs, whatever is said [row 82]", async () => {
  const source = (name: string) => `
    exports.hook_connect_init = function (next, c) { (c.notes.seen ??= []).push('${name}'); next(DENY, 'no'); };
    exports.hook_disconnect = function (next, c) { c.loginfo(this, 'gone after ' + c.notes.seen); next(DENY); };`;
  const [a, b] = [await one(source("a")), await one(source("b"))];
  const { said, kit } = await talk([{ ...a.named, name: "a" }, { ...b.named, name: "b" }], "EHLO c.test");
  assert.match(said[0]!, /^250/);
  assert.equal(kit.log.text().match(/gone after a,b/g)?.length, 2);
});

test("when the client goes while a hook waits, disconnect runs and the late next() is heard by nobody [row 83]", async () => {
  const { named, host } = await one(`
    exports.hook_mail = function (next, c) { c.server.notes.late = () => next(DENY, 'too late'); c.loginfo(this, 'waiting'); };
    exports.hook_disconnect = function (next, c) { c.loginfo(this, 'disconnected'); next(); };`);
  const kit = sessionKit({ plugins: [named] });
  await kit.client.reply();
  await kit.client.write("EHLO c.test\r\n");
  await kit.client.reply();
  await kit.client.write("MAIL FROM:<a@c.test>\r\n");
  while (!kit.log.text().includes("waiting")) await new Promise((resolve) => setTimeout(resolve));
  kit.client.conn.close();
  await kit.over;
  assert.match(kit.log.text(), /disconnected/);
  const before = kit.log.items.length;
  (host.server.notes.get("late") as () => void)();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(kit.log.items.length, before);
});

test("the note skip_plugins silences a plugin for the rest of the transaction [row 84]", async () => {
  const { named } = await one(`
    exports.hook_mail = function (next, c) { c.transaction.notes.skip_plugins.push('loud'); next(); };`);
  const loud = await one("exports.hook_rcpt = function (next) { next(DENY, 'loud'); };");
  const plugins = [named, { name: "loud", hooks: loud.named.hooks }];
  const { said } = await talk(plugins, ...MAIL, "RCPT TO:<b@c.test>");
  assert.match(said[2]!, /^250 /);
  assert.match((await talk([plugins[1]!], ...MAIL, "RCPT TO:<b@c.test>")).said[2]!, /^550 5\.7\.1 loud/);
});

test("a message is text, text of several lines, a list, or a DSN with its own code [row 85]", async () => {
  const { named } = await one(`
    const DSN = require('haraka-dsn');
    exports.hook_rcpt = function (next, connection, params) {
      switch (params[0].user) {
        case 'text': return next(DENY, 'in one line');
        case 'lines': return next(DENY, 'line one\\nline two');
        case 'list': return next(DENYSOFT, ['a', 'b', 'c']);
        case 'dsn': return next(DENY, DSN.mbox_full('try me later', 452));
        case 'plain': return next(DENYSOFT);
      }
      next();
    };`);
  const rcpt = (user: string) => `RCPT TO:<${user}@c.test>`;
  const { said } = await talk([named], ...MAIL, ...["text", "lines", "list", "dsn", "plain"].map(rcpt));
  assert.deepEqual(
    said.slice(2),
    [
      "550 5.7.1 in one line",
      "550-5.7.1 line one\n550 5.7.1 line two",
      "450-4.7.1 a\n450-4.7.1 b\n450 4.7.1 c",
      "452 4.2.2 try me later",
      "450 4.7.1 recipient <plain@c.test> denied",
    ].map((reply) => reply),
  );
});

test("unrecognized_command: NEXT_HOOK runs another hook, respond() with OK is the answer, and the only one [row 86] [row 87]", async () => {
  const { named } = await one(`
    exports.hook_unrecognized_command = function (next, connection, params) {
      if (params[0] === 'FOO') return next(NEXT_HOOK, 'noop');
      if (params[0] === 'BAR') return connection.respond(299, 'heard ' + params[1], () => next(OK));
      next();
    };`);
  const { said } = await talk([named], "EHLO c.test", "FOO", "BAR one two", "BAZ", "NOOP");
  assert.deepEqual(said.slice(1), [
    "250 2.0.0 OK",
    "299 heard one two",
    "500 5.5.1 Unrecognized command",
    "250 2.0.0 OK",
  ]);
});

test("capabilities: lines are pushed, AUTH and STARTTLS are the engine's [row 88]", async () => {
  const { named } = await one(`
    exports.hook_capabilities = (next, connection) => {
      connection.capabilities.push('X-FOO 1');
      connection.capabilities.push('AUTH PLAIN');
      next();
    };`);
  const { said } = await talk([named], "EHLO c.test");
  assert.match(said[0]!, /^250.X-FOO 1$/m);
  assert.equal(said[0]!.match(/AUTH/g)?.length, 1);
  assert.match(said[0]!, /^250.AUTH PLAIN$/m);
});

test("the constants stand in a plugin's scope and in haraka-constants, by the numbers they always had [row 89]", async () => {
  const wanted = {
    CONT: 900,
    STOP: 901,
    DENY: 902,
    DENYSOFT: 903,
    DENYDISCONNECT: 904,
    DISCONNECT: 905,
    OK: 906,
    NEXT_HOOK: 907,
    DELAY: 908,
    DENYSOFTDISCONNECT: 909,
  };
  const { WRITE_EXCL: _, ...codes } = GLOBALS;
  assert.deepEqual(codes, wanted);
  const { named } = await one(`
    const constants = require('haraka-constants');
    const values = { CONT, STOP, DENY, DENYSOFT, DENYDISCONNECT, DISCONNECT, OK, NEXT_HOOK, DELAY, DENYSOFTDISCONNECT };
    exports.hook_mail = (next) => {
      for (const [name, value] of Object.entries(values)) {
        if (constants[name.toLowerCase()] !== value || constants.translate(value) !== name) return next(DENY, name);
      }
      next(DENY, JSON.stringify(values) + constants.translate(1) + constants.connection.state.STATE_LOOP);
    };`);
  const { said } = await talk([named], ...MAIL);
  assert.equal(said[1], `550 5.7.1 ${JSON.stringify(wanted)}UNKNOWN2`);
});

test("a plugin's scope: server, core modules, its own files, Node's modules; haraka_require and core_require [row 90]", async () => {
  using site = harakaSite({
    "plugins/own.js": `
      const path = require('node:path');
      const config = require('./config');
      const helper = require('./lib/helper');
      const outbound = require('../outbound');
      const failures = [];
      const check = (what, is) => { if (!is) failures.push(what); };
      check('filename', path.basename(__filename) === 'own.js' && path.basename(__dirname) === 'plugins');
      check('server', typeof server.notes.set === 'function');
      check('timers', [setTimeout, clearTimeout, setInterval, clearInterval, setImmediate].every((f) => typeof f === 'function'));
      check('process', process.pid > 0 && Buffer.from('x').length === 1 && Math.max(1, 2) === 2);
      check('config', config === exports.config && config.get('own.value') === 7);
      check('helper', helper.twice(4) === 8);
      check('outbound', typeof outbound.send_email === 'function');
      exports.register = function () {
        check('haraka_require', this.haraka_require('constants').deny === DENY && this.core_require('dsn').relaying_denied().code === 550);
        try { this.haraka_require('nothing_like_it'); check('unknown', false) } catch (e) { check('unknown', /not offered/.test(e.message)) }
        check('this', this.name === 'own' && this.timeout === 30 && this.hasPackageJson === false);
      };
      exports.hook_mail = function (next) { next(DENY, 'failures: ' + failures.join()); };`,
    "plugins/lib/helper.js": "exports.twice = (n) => 2 * n;",
  });
  const { hooks } = await site.start("own", { files: { "own.value": "7\n" } });
  assert.equal((await talk([{ name: "own", hooks }], ...MAIL)).said[1], "550 5.7.1 failures: ");
});

test("a package's own config is the default, key by key; the site's file lies over it [row 91]", async () => {
  using site = harakaSite({
    "node_modules/haraka-plugin-pack/package.json": '{"name": "haraka-plugin-pack", "main": "index.js"}',
    "node_modules/haraka-plugin-pack/index.js": `
      const { word } = require('./lib/words');
      exports.register = function () { this.cfg = this.config.get('pack.ini', { booleans: ['+main.on', '-main.off'] }); };
      exports.hook_mail = function (next) { next(DENY, JSON.stringify(this.cfg.main) + word()); };`,
    // A file of the package that knows the constants as globals.
    "node_modules/haraka-plugin-pack/lib/words.js": "exports.word = () => ' ' + DENYSOFT + typeof server.notes;",
    "node_modules/haraka-plugin-pack/config/pack.ini": "a = default\nb = 2\n",
  });
  const said = async (files: Record<string, string>) =>
    (await talk([{ name: "pack", hooks: (await site.start("pack", { files })).hooks }], ...MAIL)).said[1];
  assert.equal(await said({}), '550 5.7.1 {"a":"default","b":2,"on":true,"off":false} 903object');
  assert.equal(
    await said({ "pack.ini": "b = 3.5\noff = yes\n" }),
    '550 5.7.1 {"a":"default","b":3.5,"off":true,"on":true} 903object',
  );
});

test("notes of server, connection and transaction: plain objects with get and set by path, shared with our own plugins [row 92]", async () => {
  const { named, host } = await one(`
    exports.hook_mail = function (next, connection) {
      server.notes.set('a.b.c', 1);
      connection.notes.set('d.e', 2);
      connection.notes.set('d.e', 3, true);
      connection.transaction.notes.set(['f.g', 'h'], 4);
      next(DENY, [server.notes.get('a.b.c'), connection.notes.d.e, connection.notes.get('d.x.y'),
        connection.transaction.notes['f.g'].h, Object.keys(connection.notes).join()].join(' '));
    };`);
  const { said } = await talk([named], ...MAIL);
  assert.equal(said[1], "550 5.7.1 1 2  4 d");
  assert.equal(host.server.notes.get("a.b.c"), 1);
});

test("the ancestor's samples in spirit: fields added before the message came, rcpt_to edited, the body read, results and a banner", async () => {
  const { named } = await one(`
    exports.hook_mail = (next, c, params) => { c.transaction.add_header('X-From', params[0].address()); next(); };
    exports.hook_rcpt = (next, c, params) => {
      const { Address } = require('address-rfc2821');
      if (params[0].user === 'team') {
        c.transaction.rcpt_to.pop();
        c.transaction.rcpt_to.push(new Address('<x@c.test>'), new Address('<y@c.test>'));
      }
      next();
    };
    exports.hook_data = (next, c) => { c.transaction.parse_body = true; c.transaction.set_banner('sold by weight'); next(); };
    exports.hook_data_post = function (next, c) {
      const { header, body, results } = c.transaction;
      results.add(this, { pass: 'seen' });
      c.transaction.remove_header('X-Bad');
      header.add_end('X-Seen', [header.get('Subject').trim(), header.get_decoded('Subject') === 'h\u00e9', body.bodytext.trim(), body.ct].join('|'));
      c.transaction.message_stream.get_data((data) => { c.transaction.add_leading_header('X-Length', data.length > 50); next(); });
    };`);
  const { said, kit } = await talk(
    [named],
    ...MAIL,
    "RCPT TO:<team@c.test>",
    "DATA",
    "Subject: =?utf-8?q?h=C3=A9?=\r\nX-Bad: 1\r\n\r\nHello\r\n.",
  );
  assert.match(said[4]!, /^250 /, said.join("\n") + kit.log.text());
  const [mail] = kit.taken;
  assert.deepEqual(mail!.envelope.recipients.map(({ address }) => address.address), ["x@c.test", "y@c.test"]);
  assert.match(mail!.text, /^X-Length: true\r\n/);
  assert.match(mail!.text, /^X-From: a@c\.test\r$/m);
  assert.match(mail!.text, /^X-Seen: =\?utf-8\?q\?h=C3=A9\?=\|true\|Hello\|text\/plain\r$/m);
  assert.doesNotMatch(mail!.text, /X-Bad/);
  assert.match(mail!.text, /Hello\r\n[^]*sold by weight/);
});

test("send_trans_email puts the message as it stands, and whom the plugin left in rcpt_to, into the queue; its answer is the plugin's to give [row 222]", async () => {
  const queued: { readonly to: readonly string[]; readonly text: string; readonly id: string }[] = [];
  let broken = false;
  const { named } = await one(
    `
    const outbound = require('./outbound');
    exports.hook_data = (next, c) => {
      outbound.send_trans_email(c.transaction, (code, text) => { c.transaction.notes.early = [code, text]; next(); });
    };
    exports.hook_queue = (next, c) => {
      c.transaction.rcpt_to = c.transaction.rcpt_to.filter((to) => to.user !== 'drop');
      c.transaction.add_leading_header('X-Early', c.transaction.notes.early.join(' '));
      outbound.send_trans_email(c.transaction, next);
    };`,
    {
      async enqueue({ id, recipients }, message) {
        if (broken) throw new Error("disk full");
        queued.push({ id, to: recipients.map(({ address }) => address.address), text: await textOf(message) });
      },
    },
  );
  const mail = [...MAIL, "RCPT TO:<drop@far.test>", "RCPT TO:<you@far.test>", "DATA", "Subject: x\r\n\r\nHello\r\n."];
  const { said } = await talk([named], ...mail);
  const [{ id, to, text }] = queued as [typeof queued[0]];
  assert.match(said.at(-1)!, new RegExp(`^250 .*Message Queued \\(${id}\\)`));
  assert.deepEqual(to, ["you@far.test"]);
  assert.equal(text, "X-Early: 903 There is no message to send yet\r\nSubject: x\r\n\r\nHello\r\n");
  broken = true;
  assert.match((await talk([named], ...mail)).said.at(-1)!, /^4\d\d .*disk full/);
});

test("attachments are streams of Node's, body filters get and give Buffers", async () => {
  const { named } = await one(`
    exports.hook_data = function (next, c) {
      const { transaction } = c;
      transaction.attachment_hooks((ct, filename, body, stream) => {
        let octets = 0;
        stream.on('data', (chunk) => { octets += chunk.length; });
        stream.on('end', () => { transaction.notes.found = [ct, filename, octets].join(' '); });
      });
      transaction.add_body_filter('text/plain', (ct, encoding, octets) => Buffer.from(octets.toString().toUpperCase()));
      next();
    };
    exports.hook_data_post = function (next, c) {
      const { notes, body, mime_part_count } = c.transaction;
      c.transaction.add_header('X-Found', [notes.found, body.children.length, mime_part_count].join(' '));
      next();
    };`);
  const text = [
    ...["Content-Type: multipart/mixed; boundary=b", "", "--b", "", "hello there", "--b"],
    ...["Content-Type: application/pdf; name=a.pdf", "Content-Transfer-Encoding: base64", "", "AAAAAAAA", "--b--", "."],
  ].join("\r\n");
  const { said, kit } = await talk([named], ...MAIL, "RCPT TO:<b@c.test>", "DATA", text);
  assert.match(said[4]!, /^250 /);
  assert.match(kit.taken[0]!.text, /^X-Found: application\/pdf; name=a\.pdf a\.pdf 6 2 3\r$/m);
  assert.match(kit.taken[0]!.text, /^HELLO THERE\r$/m);
});

test("a file that is no plugin stops the start with what it exports and what was wanted", async () => {
  await assert.rejects(
    one("exports.helper = () => 1;"),
    /exports helper; wanted: register\(\) or functions named hook_NAME/,
  );
  await assert.rejects(one("const x = 1;"), /exports nothing; wanted/);
  await assert.rejects(
    one("exports.register = function () { this.register_hook('mail', 'gone') };"),
    /has no function of that name/,
  );
  await assert.rejects(one("exports.hook_mail = ("), SyntaxError);
});

test("shutdown() is called at the stop", async () => {
  const { stop, host } = await one("exports.shutdown = () => { server.notes.ended = true; };");
  await stop();
  assert.equal(host.server.notes.get("ended"), true);
});
