import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dkim } from "../../src/cli/dkim.ts";
import { readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir } from "../kit/site.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";
import { LETTER, mail } from "../mailauth/kit.ts";

async function withSite(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = temporaryDir();
  mkdirSync(`${dir}/config`);
  writeFileSync(`${dir}/config/smtp.ini`, "");
  try {
    await run(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
const keygen = { do: "dkim", verb: "keygen", domain: "Example.com", kind: "rsa", force: false } as const;

test("keygen makes private, public, selector and dns, whose record holds the public key [row 18]", async () => {
  await withSite(async (site) => {
    const at = await captured();
    assert.equal(await dkim({ ...keygen, site }, at), 0);
    const read = (name: string) => readFileSync(`${site}/config/dkim/example.com/${name}`, "utf8");
    assert.match(read("selector"), /^[a-z]{3}20\d\d\n$/);
    assert.match(read("dns"), new RegExp(`${read("selector").trim()}\\._domainkey\\.example\\.com\\n +v=DKIM1;p=MII`));
    assert.ok(at.said[0]!.includes(read("dns")));
    assert.equal(statSync(`${site}/config/dkim/example.com/private`).mode & 0o777, 0o600);
    const [, p] = /v=DKIM1;p=(\S+)/.exec(read("dns"))!;
    assert.equal(read("public").replace(/-----[^-]+-----|\s/g, ""), p);

    // The key and the record belong together.
    const key = await readDkimKey(read("private"));
    const selector = read("selector").trim();
    const message = mail(LETTER);
    message.header.addLeading("DKIM-Signature", await signDkim(message, { key, domain: "example.com", selector }));
    const resolver = zone({ [`${selector}._domainkey.example.com`]: { TXT: [`v=DKIM1;p=${p}`] } });
    writeFileSync(`${site}/letter`, message.bytes()!);
    const again = await captured();
    const machine = { ...again.machine, resolver };
    assert.equal(await dkim({ do: "dkim", verb: "verify", file: `${site}/letter` }, { ...again, machine }), 0);
    assert.deepEqual(again.said, ['identity="@example.com" domain="example.com" result=pass']);
  });
});

test("keygen keeps a key that is there, unless told otherwise", async () => {
  await withSite(async (site) => {
    const at = await captured();
    await dkim({ ...keygen, kind: "ed25519", site }, at);
    const path = `${site}/config/dkim/example.com/private`;
    const before = readFileSync(path, "utf8");
    await assert.rejects(dkim({ ...keygen, site }, at), /private exists/);
    assert.equal(readFileSync(path, "utf8"), before);
    await dkim({ ...keygen, site, force: true }, at);
    assert.notEqual(readFileSync(path, "utf8"), before);
    await assert.rejects(dkim({ ...keygen, domain: "../../etc", site }, at), /No domain name/);
  });
});

test("verify says so when there is nothing to verify", async () => {
  await withSite(async (site) => {
    writeFileSync(`${site}/letter`, LETTER);
    const at = await captured();
    assert.equal(await dkim({ do: "dkim", verb: "verify", file: `${site}/letter` }, at), 1);
    assert.deepEqual(at.said, ["The message is not signed"]);
  });
});
