/** Plugins written for Haraka, unmodified, in a running server: its own samples and npm packages, held against ours of the same name. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { harakaPackages } from "../kit/haraka_packages.ts";
import {
  eventually,
  readMaildir,
  ROOT,
  type RunningSite,
  runtimeCommand,
  startKasi,
  temporaryDir,
  writeSite,
} from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const packages = harakaPackages();
const skip = packages === undefined ? "npm cannot be had" : undefined;

interface Site {
  readonly plugins: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** Names of samples from Haraka's own `plugins/`, copied into the site's. */
  readonly samples?: readonly string[];
  /** Of npm packages, linked into the site's `node_modules`. */
  readonly npm?: readonly string[];
}

/** A site directory and the server on it; what it wrote stays until `use` is done. */
async function withSite(
  { plugins, files = {}, samples = [], npm = [] }: Site,
  use: (kasi: RunningSite) => Promise<void>,
) {
  const dir = temporaryDir("kasi-haraka-");
  try {
    writeSite(dir, { files: { "config/plugins": plugins.join("\n") + "\n", ...files } });
    mkdirSync(join(dir, "plugins"), { recursive: true });
    if (samples.some((name) => name.startsWith("auth/"))) mkdirSync(join(dir, "plugins/auth"));
    for (const name of samples) {
      copyFileSync(join(packages!, "Haraka/plugins", `${name}.js`), join(dir, "plugins", `${name}.js`));
    }
    if (npm.length > 0) mkdirSync(join(dir, "node_modules"), { recursive: true });
    for (const name of npm) symlinkSync(join(packages!, name), join(dir, "node_modules", name));
    await using kasi = await startKasi({ dir, bare: true });
    await use(kasi);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The code and text of each reply; ids and enhanced codes are not what plugins decide. */
async function converse(port: number, lines: readonly string[]): Promise<string[]> {
  await using client = await SmtpClient.connect(port);
  await client.hello();
  const said: string[] = [];
  for (const line of lines) {
    await client.write(line.endsWith("\r\n.\r\n") ? line : `${line}\r\n`);
    said.push((await client.reply() ?? "gone").replace(/\([0-9A-F-]{36}[.\d]*\)/g, "(ID)"));
  }
  return said;
}

const mail = (...fields: string[]) => `${fields.join("\r\n")}\r\n\r\nHello\r\n.\r\n`;
const TODAY = `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`;

const SAMPLES = ["rcpt_to.in_host_list", "rcpt_to.host_list_base", "record_envelope_addresses", "data.signatures"];
const SAMPLE_FILES = {
  "config/host_list": "kasi.test\n",
  "config/data.signatures": "buy it now cheap\n",
  "config/queue/maildir.ini": "",
};
const SAMPLE_TALK = [
  "MAIL FROM:<a@client.test>",
  "RCPT TO:<joe@elsewhere.test>",
  "RCPT TO:<joe@KASI.test>",
  "DATA",
  mail("From: a@client.test", "Subject: one"),
  "MAIL FROM:<a@client.test>",
  "RCPT TO:<joe@kasi.test>",
  "DATA",
  "Subject: two\r\n\r\nYou should buy it now cheap, really\r\n.\r\n",
  "QUIT",
];

test(
  "Haraka's samples load unmodified from the site, one inherits from another, and say what ours say [row 70] [row 75] [row 90]",
  { skip },
  async () => {
    const heard: string[][] = [];
    for (const samples of [SAMPLES, []]) {
      const plugins = [...SAMPLES.filter((name) => !name.endsWith("_base")), "test_queue"];
      const files = { ...SAMPLE_FILES, "plugins/test_queue.js": "exports.hook_queue = (next) => next(OK, 'kept');\n" };
      await withSite({ plugins, files, samples }, async (kasi) => {
        heard.push(await converse(kasi.port, SAMPLE_TALK));
        const loaded = /Written for Haraka: \S+\/rcpt_to\.in_host_list\.js/.test(kasi.output());
        assert.equal(loaded, samples.length > 0);
      });
    }
    const [theirs, ours] = heard;
    // Of the signature's refusal the words differ.
    assert.deepEqual(codes(theirs!), codes(ours!));
    assert.deepEqual(theirs!.toSpliced(8, 1), ours!.toSpliced(8, 1));
    assert.match(theirs![1]!, /^550 /);
    assert.match(theirs![2]!, /^250 /);
    assert.match(theirs![4]!, /^250 .*kept/);
    assert.match(theirs![8]!, /^550 .*signature/);
  },
);

/** npm package → its settings, and a talk in which it says yes and no. */
const NPM: {
  readonly [name: string]: { readonly files: Readonly<Record<string, string>>; readonly talk: readonly string[] };
} = {
  headers: {
    files: { "config/headers.ini": "[reject]\nmissing_required=true\nduplicate_singular=true\n" },
    talk: [
      ...["MAIL FROM:<a@client.test>", "RCPT TO:<joe@kasi.test>", "DATA", mail("Subject: no date and no author")],
      ...[
        "MAIL FROM:<a@client.test>",
        "RCPT TO:<joe@kasi.test>",
        "DATA",
        mail("From: a@client.test", TODAY, "Subject: 1", "Subject: 2"),
      ],
      ...["MAIL FROM:<a@client.test>", "RCPT TO:<joe@kasi.test>", "DATA", mail("From: a@client.test", TODAY)],
    ],
  },
  access: {
    files: {
      "config/access.ini": "[check]\nmail=true\nrcpt=true\nconn=false\nhelo=false\nany=false\n",
      "config/mail_from.access.blacklist": "bad@client.test\n",
      "config/rcpt_to.access.blacklist_regex": "no.*@kasi.test\n",
    },
    talk: [
      "MAIL FROM:<bad@client.test>",
      "MAIL FROM:<good@client.test>",
      "RCPT TO:<nobody@kasi.test>",
      "RCPT TO:<joe@kasi.test>",
    ],
  },
  bounce: {
    files: { "config/bounce.ini": "[reject]\nall_bounces=true\n" },
    talk: ["MAIL FROM:<>", "MAIL FROM:<a@client.test>", "RCPT TO:<joe@kasi.test>"],
  },
  relay: {
    files: { "config/relay.ini": "[relay]\nacl=true\n", "config/relay_acl_allow": "192.0.2.0/24\n" },
    talk: ["MAIL FROM:<a@client.test>", "RCPT TO:<joe@elsewhere.test>", "RCPT TO:<joe@kasi.test>"],
  },
};

test(
  "npm packages of Haraka's plugins load unmodified by another name and say what ours of that name say [row 90] [row 91]",
  { skip },
  async () => {
    const names = Object.keys(NPM);
    const files = Object.assign({}, ...Object.values(NPM).map(({ files }) => files), {
      "plugins/last.js": "exports.hook_queue = (next) => next(OK, 'kept');\n",
    });
    const heard: string[][] = [];
    for (const npm of [names.map((name) => `haraka-plugin-${name}`), []]) {
      await withSite({ plugins: [...names, "rcpt_to.in_host_list", "last"], files, npm }, async (kasi) => {
        const talk = Object.values(NPM).flatMap(({ talk }) => [...talk, "RSET"]);
        heard.push(await converse(kasi.port, talk));
        for (const name of names) {
          assert.equal(kasi.output().includes(`[${name}] Written for Haraka: `), npm.length > 0);
        }
      });
    }
    const [theirs, ours] = heard.map(codes);
    assert.deepEqual(theirs, ours, heard.map((said) => said.join("\n")).join("\n---\n"));
    let at = 0;
    for (const name of names) {
      const said = theirs!.slice(at, at += NPM[name]!.talk.length + 1);
      assert.ok(said.some((code) => code.startsWith("5")), `${name} refused nothing: ${said}`);
    }
  },
);
const codes = (replies: readonly string[]) => replies.map((reply) => reply.slice(0, 3));

test("register, hook_ members, priorities, timers, rewritten recipients and send_email in a running server [row 73] [row 90]", async () => {
  const own = `
    const outbound = require('./outbound');
    exports.register = function () {
      this.cfg = this.config.get('own.ini', { booleans: ['+main.on'] }, () => { this.loginfo('own.ini changed'); });
      this.register_hook('rcpt', 'aliased', -10);
    };
    exports.aliased = function (next, connection, params) {
      setTimeout(() => {
        if (params[0].user === 'no') return next(this.cfg.main.on ? DENY : CONT, 'not that one');
        next(OK);
      }, 5);
    };
    exports.hook_data_post = function (next, connection) {
      outbound.send_email('<me@kasi.test>', '<nobody@127.0.0.1.invalid>', 'Subject: note\\n\\nseen\\n', (code, msg) => {
        connection.loginfo(this, 'queued: ' + (code === OK) + ' ' + msg);
        next();
      });
    };
    exports.hook_queue = function (next, connection) {
      connection.transaction.message_stream.pipe(require('node:fs').createWriteStream(this.config.get('own.out')))
        .on('finish', () => next(OK, 'written'));
    };
    exports.shutdown = function () { this.lognotice('own is gone'); };`;
  const out = join(temporaryDir("kasi-haraka-out-"), "mail.eml");
  await withSite({ plugins: ["own"], files: { "plugins/own.js": own, "config/own.out": out } }, async (kasi) => {
    const said = await converse(kasi.port, [
      "MAIL FROM:<a@client.test>",
      "RCPT TO:<no@kasi.test>",
      "RCPT TO:<joe@kasi.test>",
      "DATA",
      mail("Subject: x", "From: a@client.test"),
      "QUIT",
    ]);
    assert.deepEqual(said.map((reply) => reply.slice(0, 3)), ["250", "550", "250", "354", "250", "221"]);
    assert.match(said[4]!, /written/);
    await eventually(
      () => existsSync(out) && readMaildir(join(out, ".."))[0]!.includes("Hello"),
      5000,
      "the written mail",
    );
    assert.match(kasi.output(), /queued: true Message Queued/);
    const [command, ...args] = [...runtimeCommand(), join(ROOT, "mod.ts"), "check", "-c", kasi.dir];
    assert.match(execFileSync(command!, args, { encoding: "utf8" }), /is in order/);
    await kasi.stop();
    assert.match(kasi.output(), /own is gone/);
  });
  rmSync(join(out, ".."), { recursive: true, force: true });
});

test("Haraka's own auth/flat_file judges AUTH over our auth_base [row 75] [row 90]", { skip }, async () => {
  const files = { "config/auth_flat_file.ini": "[core]\nmethods=PLAIN,CRAM-MD5\n[users]\njoe=secret\n" };
  await withSite({ plugins: ["auth/flat_file"], samples: ["auth/flat_file"], files }, async (kasi) => {
    const plain = (password: string) => `AUTH PLAIN ${btoa(`\0joe\0${password}`)}`;
    const said = await converse(kasi.port, [plain("wrong"), plain("secret"), "QUIT"]);
    assert.deepEqual(said.map((reply) => reply.slice(0, 3)), ["535", "235", "221"]);
    assert.match(kasi.output(), /Written for Haraka: \S+\/auth\/flat_file\.js/);
  });
});

test("a CommonJS file of an unknown shape stops the start with its name and what was wanted", async () => {
  await assert.rejects(
    withSite({ plugins: ["odd"], files: { "plugins/odd.js": "exports.helper = () => 1;\n" } }, async () => {}),
    /Loading plugin odd failed: the module exports helper; wanted: register\(\) or functions named hook_NAME/,
  );
});
