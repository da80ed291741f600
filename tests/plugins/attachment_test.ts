import assert from "node:assert/strict";
import plugin from "../../plugins/attachment.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import { gzip, pax, tar, zip } from "../kit/archives.ts";
import { type FakeSession, fakeSession } from "../kit/fake_session.ts";
import { noSpace } from "../kit/memory_disk.ts";
import { startPlugin } from "../kit/hook.ts";
import { DATA_DIR } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

interface Attached {
  /** Header fields, or a file's name. */
  readonly head: string;
  readonly content?: string | Uint8Array;
}
const base64 = (content: string | Uint8Array) => {
  const octets = typeof content === "string" ? utf8Encode(content) : content;
  let text = "";
  for (let i = 0; i < octets.length; i += 57) text += btoa(String.fromCharCode(...octets.subarray(i, i + 57))) + "\n";
  return text;
};
const named = (filename: string, content?: string | Uint8Array): Attached => ({
  head: `Content-Type: application/octet-stream\nContent-Disposition: attachment; filename="${filename}"`,
  ...(content !== undefined && { content }),
});
const mail = (...parts: readonly Attached[]) =>
  "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n" +
  parts.map(({ head, content = "x" }) => `--b\n${head}\nContent-Transfer-Encoding: base64\n\n${base64(content)}`).join(
    "",
  ) +
  "--b--\n";

/** No ending is refused but exe. */
const OPEN = "disallowed_extensions=exe\n";

async function bench(ini = OPEN, files: { readonly [name: string]: string } = {}) {
  const started = await startPlugin(plugin, { files: { "attachment.ini": ini, ...files } });
  async function send(text: string, session: FakeSession = fakeSession({ from: "a@b.test", log: started.log.log })) {
    await started.run("data", { session });
    const { verdict } = await started.run("data_post", { session, message: text });
    const found = session.transaction!.results.get(plugin);
    const said = verdict === undefined ? "" : `${verdict.kind} ${"reply" in verdict ? verdict.reply.text : ""}`;
    return { said, found, notes: session.transaction!.notes };
  }
  return { ...started, send };
}

test("every attachment is noted with its type, name, size and sum [row 275]", async () => {
  const { send, log } = await bench();
  const { said, found, notes } = await send(mail(
    { head: "Content-Type: Image/PNG; name=a.PNG", content: "abc" },
    named("b.tar.gz", gzip(tar({ "c.txt": "hi" }))),
  ));
  assert.equal(said, "");
  const md5 = "900150983cd24fb0d6963f7d28e17f72";
  const [png, gz] = notes.get("attachments") as Record<string, unknown>[];
  assert.deepEqual(png, { ctype: "image/png", filename: "a.PNG", extension: "png", md5 });
  assert.deepEqual([gz!.filename, gz!.extension], ["b.tar.gz", "gz"]);
  assert.deepEqual((found!.attach as unknown[])[0], { file: "a.PNG", ctype: "image/png", md5, bytes: 3 });
  assert.deepEqual(notes.get("attachment_ctypes"), ["multipart/mixed", "image/png", "application/octet-stream"]);
  assert.deepEqual(notes.get("attachment_files"), ["a.PNG", "b.tar.gz"]);
  assert.deepEqual(notes.get("attachment_archive_files"), ["b.tar.gz/c.txt"]);
  assert.equal(notes.get("attachment_count"), 0);
  assert.match(log.text(), /file="a\.PNG" ctype="image\/png" md5=900150983cd24fb0d6963f7d28e17f72 bytes=3/);
  assert.deepEqual(found!.pass, ["attachments"]);
  const plain = await send("Subject: x\n\nhello\n");
  assert.deepEqual([plain.said, plain.found, plain.notes.get("attachments")], ["", undefined, []]);
});

test("endings of the list are refused, Haraka's by default, in archives too [row 275]", async () => {
  const { send } = await bench("");
  for (const name of ["a.exe", "A.EXE", "b.zip", "c.wsf"]) {
    assert.match(
      (await send(mail(named(name)))).said,
      /^deny Message contains a disallowed file extension \((?:exe|zip|wsf)\)/,
    );
  }
  assert.equal((await send(mail(named("a.pdf")))).said, "");
  const open = await bench();
  const nested = zip({ "in.zip": zip({ "Setup.EXE": "MZ" }) });
  const { said, found } = await open.send(mail(named("o.zip", nested)));
  assert.equal(said, "deny Message contains a disallowed file extension (exe)");
  assert.deepEqual(found!.fail, ["extension(exe)"]);
  assert.equal((await open.send(mail(named("o.zip", zip({ "a.txt": "x" }))))).said, "");
  assert.match(
    (await open.send(mail(named("o.tgz", gzip(tar([pax({ path: "x.exe" }), { name: "x.txt" }])))))).said,
    /exe/,
  );
  const own = await bench("disallowed_extensions=.Foo; bar\n");
  assert.match((await own.send(mail(named("x.foo")))).said, /\(foo\)/);
  assert.match((await own.send(mail(named("x.BAR")))).said, /\(bar\)/);
  assert.equal((await own.send(mail(named("x.exe")))).said, "");
});

test("a name is refused in whatever form and field it stands, and however it is dressed up [row 275]", async () => {
  const { send } = await bench();
  const disposition = "Content-Type: application/pdf\nContent-Disposition: attachment; ";
  const heads = [
    "Content-Type: application/pdf; name=evil.exe",
    'Content-Type: application/pdf; name="=?utf-8?B?ZXZpbC5leGU=?="',
    `${disposition}filename*=utf-8''ev%69l%2Eexe`,
    `${disposition}filename*0=evil; filename*1=.e; filename*2=xe`,
    `${disposition}filename*0*=iso-8859-1'en'ev%69l; filename*1=.exe`,
    `${disposition}filename=good.pdf; filename=evil.exe`,
    `${disposition}filename=evil.exe; filename*=utf-8''good.pdf`,
    `${disposition}filename=good.pdf; name=evil.exe`,
    "Content-Type: application/pdf; name=evil.exe\nContent-Disposition: attachment; filename=good.pdf",
    "Content-Type: text/plain; name=evil.exe",
    'Content-Type: text/plain\nContent-Disposition: inline; filename="evil.exe"',
    ...[
      "evil.exe.",
      "evil.exe  ",
      "evil.exe. .",
      "..\\\\..\\\\evil.exe",
      "../evil.exe",
      "evil.exe:stream",
      "evil.exe::$DATA",
    ]
      .map((name) => `${disposition}filename="${name}"`),
    ...["evil%00.exe", "evil.exe%00.pdf", "evil.e%E2%80%8Bxe", "%E2%80%AEfdp.exe", "evil%EF%BC%8Eexe", "evil.exe%C2%A0"]
      .map((name) => `${disposition}filename*=utf-8''${name}`),
  ];
  for (const head of heads) assert.match((await send(mail({ head }))).said, /^deny .*\(exe\)/, head);
  for (const name of ["exe", "evil.exe.pdf", "evil_exe", "evil.execute"]) {
    assert.equal((await send(mail(named(name)))).said, "", name);
  }
});

test("types and names that match a list are refused, of any part; a line that is no pattern is passed over [row 275]", async () => {
  const { send, log, change } = await bench("disallowed_extensions=\n", {
    "attachment.ctype.regex": "executable\npartial\n(\n",
    "attachment.filename.regex": "^secret",
    "attachment.archive.filename.regex": "\\.(?:vbs|scr)$",
  });
  assert.match(log.text(), /attachment\.ctype\.regex: "\(" is no regular expression/);
  const type = await send(mail({ head: "Content-Type: application/X-Executable" }));
  assert.deepEqual([type.said, type.found!.fail], [
    "deny Message contains an unacceptable content type (application/x-executable)",
    ["ctype(application/x-executable)"],
  ]);
  const within = "Content-Type: message/rfc822\n\nContent-Type: message/partial; id=x; number=1\n\nx\n";
  assert.match((await send(within)).said, /\(message\/partial\)/);
  assert.match((await send("Content-Type: message/partial\n\nx\n")).said, /\(message\/partial\)/);
  const file = await send(mail(named("SECRET.txt")));
  assert.deepEqual([file.said, file.found!.fail], [
    "deny Message contains an unacceptable attachment (SECRET.txt)",
    ["filename(SECRET.txt)"],
  ]);
  // The list of attachments is not that of members, nor the other way round.
  assert.equal((await send(mail(named("o.zip", zip({ "secret.txt": "x" }))))).said, "");
  assert.equal((await send(mail(named("a.vbs")))).said, "");
  const member = await send(mail(named("o.zip", zip({ "a.vbs": "x" }))));
  assert.deepEqual([member.said, member.found!.fail], [
    "deny Message contains an unacceptable attachment (o.zip/a.vbs)",
    ["archive_file(o.zip/a.vbs)"],
  ]);
  change("attachment.filename.regex", "nothing\n");
  assert.equal((await send(mail(named("SECRET.txt")))).said, "");
});

test("archives beyond the limits of depth, octets and number are refused [row 275]", async () => {
  const { send, change, machine } = await bench(
    `${OPEN}[archive]\nmax_depth=2\nmax_total_bytes=100000\nmax_total_entries=5\n`,
  );
  const deep = zip({ "1.zip": zip({ "2.zip": zip({ "evil.exe": "MZ" }) }) });
  const { said, found } = await send(mail(named("o.zip", deep)));
  assert.equal(said, "deny Message contains archives nested too deep (o.zip/1.zip/2.zip)");
  assert.deepEqual(found!.fail, ["archive_depth(o.zip/1.zip/2.zip)"]);
  const bomb = zip({ "in.zip": new Uint8Array(5_000_000) });
  assert.match((await send(mail(named("o.zip", bomb)))).said, /^deny .*decompresses to too much \(o\.zip\)/);
  const crowd = zip(Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`${i}`, "x"])));
  assert.equal((await send(mail(named("o.zip", crowd)))).said, "");
  // The limits are those of the whole message.
  assert.match(
    (await send(mail(named("o.zip", crowd), named("p.zip", crowd)))).said,
    /^deny .*too many files \(p\.zip\)/,
  );
  // Also for clients that may relay.
  const trusted = fakeSession({ from: "a@b.test", relaying: true });
  assert.match((await send(mail(named("o.zip", deep)), trusted)).said, /^deny .*nested/);
  change("attachment.ini", `${OPEN}archive_max_depth=3\n[archive]\nmax_depth=1\n`);
  assert.match((await send(mail(named("o.zip", deep)))).said, /\(exe\)/);
  assert.equal(machine.disk.open, 0);
});

test("encrypted archives are refused unless they may come, and their names count [row 275]", async () => {
  const secret = zip([{ name: "a.txt", content: "?", flags: 1 }]);
  const { send, change } = await bench();
  const { said, found } = await send(mail(named("o.zip", secret)));
  assert.equal(said, "deny Message contains an encrypted archive (o.zip)");
  assert.deepEqual(found!.fail, ["archive_encrypted(o.zip)"]);
  for (const ini of [`${OPEN}[archive]\nallow_encrypted=true\n`, `${OPEN}allow_encrypted_archives=true\n`]) {
    change("attachment.ini", ini);
    const open = await send(mail(named("o.zip", secret)));
    assert.deepEqual([open.said, open.found!.msg, open.found!.fail], ["", ["archive_encrypted(o.zip)"], []]);
    const evil = zip([{ name: "a.exe", content: "?", flags: 1 }]);
    assert.match((await send(mail(named("o.zip", evil)))).said, /\(exe\)/);
  }
});

test("what cannot be looked into is treated as the setting says, and told of in the results [row 275]", async () => {
  const cut = zip({ "a.txt": "hello", "b.txt": "x" }).subarray(0, 60);
  const { send, change } = await bench();
  const deferred = await send(mail(named("o.zip", cut)));
  assert.equal(deferred.said, "defer Message contains an archive that cannot be looked into (o.zip)");
  assert.deepEqual(deferred.found!.fail, ["archive_damaged(o.zip)"]);
  const trusted = await send(mail(named("o.zip", cut)), fakeSession({ from: "a@b.test", relaying: true }));
  assert.deepEqual([trusted.said, trusted.found!.msg], ["", ["archive_damaged(o.zip)"]]);
  // What is refused for good is not put off.
  const evil = zip({ "a.exe": "hello", "b.txt": "x" }).subarray(0, 60);
  assert.match((await send(mail(named("o.zip", evil)))).said, /^deny .*\(exe\)/);
  const zstd = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3);
  change("attachment.ini", `${OPEN}[archive]\nunreadable=deny\n`);
  const denied = await send(mail(named("o.zst", zstd)));
  assert.deepEqual([denied.said.slice(0, 5), denied.found!.fail], ["deny ", ["archive_unknown(o.zst)"]]);
  change("attachment.ini", `${OPEN}[archive]\nunreadable=accept\n`);
  assert.deepEqual((await send(mail(named("o.zst", zstd)))).said, "");
  assert.equal((await send(mail(named("o.zip", cut)))).said, "");
});

test("what takes longer than it may is given up, and counts as what cannot be looked into [row 275]", async () => {
  const { send, machine, change } = await bench(`${OPEN}timeout=5\n`);
  const bomb = gzip(tar({ "zeros": new Uint8Array(30_000_000) }));
  const late = async () => {
    const sent = send(mail(named("a.exe"), named("o.tgz", bomb)));
    for (let i = 0; i < 200 && machine.clock.pending === 0; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    await machine.clock.advance(4_000);
    return await sent;
  };
  change("attachment.ini", `${OPEN.replace("exe", "scr")}timeout=5\n`);
  const { said, found } = await late();
  assert.equal(said, "defer Message contains an archive that cannot be looked into (the message)");
  assert.deepEqual(found!.fail, ["archive_late(the message)"]);
  change("attachment.ini", `timeout=5\ndisallowed_extensions=exe\n`);
  assert.match((await late()).said, /^deny .*\(exe\)/);
});

test("a name without sense in a reply is made harmless, and a disk that is full puts the mail off", async () => {
  const { send, machine } = await bench(OPEN, { "attachment.filename.regex": "evil" });
  const { said } = await send(
    mail({ head: `Content-Type: a/b; name*=utf-8''%0D%0A250%20ok%C3%A4${"x".repeat(200)}evil` }),
  );
  assert.match(said, /\(\.\.\.x+evil\)$/);
  assert.ok(/^[ -~]+$/.test(said) && said.length < 200, said);
  machine.disk.before = (operation) => {
    if (operation.kind === "write") throw noSpace();
  };
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const large = zip(Array.from({ length: 12 }, (_, i) => ({ name: `${i}.bin`, content: noise, method: 0 })));
  assert.match((await send(mail(named("o.zip", large)))).said, /^defer/);
  assert.equal(machine.disk.open, 0);
});

test("a large archive is put by in the data directory, whether that is there or not", async () => {
  const { send, machine } = await bench();
  machine.host.removeSync(DATA_DIR, { recursive: true });
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const large = zip(Array.from({ length: 12 }, (_, i) => ({ name: `${i}.bin`, content: noise, method: 0 })));
  let opened = "";
  machine.disk.before = (operation) => {
    if (operation.kind === "open" && operation.path.startsWith(DATA_DIR)) opened = operation.path;
  };
  const { said, notes } = await send(mail(named("o.zip", large)));
  assert.deepEqual([said, (notes.get("attachment_archive_files") as string[]).length], ["", 12]);
  assert.match(opened, /\/attachment-[\w-]+$/);
  assert.deepEqual([machine.disk.open, machine.disk.files.has(opened)], [0, false]);
});

test("a message that is not kept has its names looked at", async () => {
  const { run, log } = await bench();
  const session = fakeSession({ from: "a@b.test", log: log.log });
  session.transaction!.body.discardData = true;
  await run("data", { session });
  const { verdict } = await run("data_post", { session, message: mail(named("a.exe")) });
  assert.equal(verdict?.kind, "deny");
  assert.deepEqual(session.transaction!.results.get(plugin)?.skip, ["the message was not kept"]);
});
