/** Rows 160 to 170 of the checklist: TLS of a running server, as openssl and other clients see it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../../src/base/clock.ts";
import { Certificates, type TlsFiles } from "../../src/host/certificates.ts";
import { thisMachine } from "../../src/host/machine.ts";
import { serverTls } from "../../src/host/tls_server.ts";
import type { NetAddr, ServerTls } from "../../src/host/types.ts";
import { pause } from "../kit/load.ts";
import { freePort, run, without } from "../kit/mail_programs.ts";
import { makePki } from "../kit/pki.ts";
import { relaySite } from "../kit/relay_site.ts";
import { scriptedPeerOn } from "../kit/scripted_peer.ts";
import { eventually, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const pki = await makePki();
const skip = without("openssl");
/** Which TLS the server under test speaks. */
const ON_DENO = "Deno" in globalThis;

const OWN = { "config/tls_key.pem": pki.leaf.key, "config/tls_cert.pem": pki.leaf.cert };
const WITH_TLS = { "config/plugins": "tls\n", ...OWN };

interface Shown {
  /** The common name of the certificate; undefined without a handshake. */
  readonly name: string | undefined;
  readonly output: string;
}

/** What `openssl s_client` sees behind STARTTLS. */
async function look(port: number, ...args: string[]): Promise<Shown> {
  const { output } = await run("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-starttls", "smtp", ...args], {
    input: "QUIT\r\n",
    timeoutMs: 10_000,
  });
  const worked = /Cipher is (?!\(NONE\))/.test(output) && !/alert|:error:/.test(output);
  return { name: worked ? /^subject=.*?CN ?= ?([^,\n]+)/m.exec(output)?.[1] : undefined, output };
}

/** A pair of openssl's making. */
async function pairOf(name: string, ...kind: string[]): Promise<{ key: string; cert: string }> {
  const dir = temporaryDir();
  const files = ["-keyout", join(dir, "key.pem"), "-out", join(dir, "cert.pem")];
  const ran = await run("openssl", ["req", "-x509", "-nodes", ...kind, ...files, "-subj", `/CN=${name}`, "-days", "9"]);
  assert.equal(ran.code, 0, ran.output);
  return { key: readFileSync(join(dir, "key.pem"), "utf8"), cert: readFileSync(join(dir, "cert.pem"), "utf8") };
}
const RSA = ["-newkey", "rsa:2048"];
const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

test("[row 160] key[] and cert[] hold RSA and ECDSA: each client gets what it can verify, with and without a name", {
  skip,
}, async () => {
  const [rsa, ec] = await Promise.all([pairOf("rsa.test", ...RSA), pairOf("ec.test", ...CURVE)]);
  await using kasi = await startKasi({
    files: {
      "config/plugins": "tls\n",
      "config/tls.ini": "key[]=r.key\nkey[]=e.key\ncert[]=r.pem\ncert[]=e.pem\n",
      "config/r.key": rsa.key,
      "config/r.pem": rsa.cert,
      "config/e.key": ec.key,
      "config/e.pem": ec.cert,
    },
  });
  for (const sni of [["-noservername"], ["-servername", "unknown.test"]]) {
    const seen = async (...args: string[]) => (await look(kasi.port, ...sni, ...args)).name;
    assert.equal(await seen("-sigalgs", "RSA-PSS+SHA256"), "rsa.test");
    assert.equal(await seen("-sigalgs", "ECDSA+SHA256"), "ec.test");
    assert.equal(await seen("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), "rsa.test");
    assert.equal(await seen("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "ec.test");
  }
});

test(
  "[row 161] [row 162] config/tls at any depth, names of the certificate, wildcards, keys beside it; a section for one name",
  { skip },
  async () => {
    const more = await makePki();
    const [named, deep, common] = [pki.other, more.leaf, await pairOf("common.only.test", ...CURVE)];
    await using kasi = await startKasi({
      files: {
        ...WITH_TLS,
        // The key in a file named after one of the certificate's names, "_" for "*".
        "config/tls/anything.crt": named.cert,
        "config/tls/_.wild.test.key": named.key,
        // Two files of one stem, deeper; one file with both.
        "config/tls/a/b/mx.crt": deep.cert,
        "config/tls/a/b/mx.key": deep.key,
        "config/tls/common.pem": common.key + common.cert,
        "config/tls/broken.pem": pki.client.key + pki.expired.cert,
        "config/tls.ini": "[common.only.test]\nminVersion=TLSv1.3\n[other.test]\nminVersion=TLSv1.2\n",
      },
    });
    assert.match(kasi.output(), /Not used: .*broken\.pem/);
    const seen = async (name: string, ...args: string[]) => (await look(kasi.port, "-servername", name, ...args)).name;
    assert.equal(await seen("other.test"), "other.test");
    assert.equal(await seen("any.wild.test"), "other.test");
    assert.equal(await seen("two.deep.wild.test"), "localhost");
    assert.equal(await seen("OTHER.test"), "other.test");
    assert.equal(await seen("common.only.test"), "common.only.test");
    // tls.ini's and the deeper one share this name: what differs is who signed.
    assert.equal(await seen("mx.test"), "localhost");
    assert.equal(await seen("common.only.test", "-tls1_2"), undefined);
    assert.equal(await seen("other.test", "-tls1_2"), "other.test");
    assert.equal(await seen("unknown.test", "-tls1_2"), "localhost");
  },
);

test("[row 163] STARTTLS is not offered to hosts of [no_tls_hosts], nor on no_starttls_ports; [outbound] no_tls_hosts get mail in plain", async () => {
  const [port, plain] = [await freePort(), await freePort()];
  const machine = await thisMachine();
  const listener = machine.host.listen({ hostname: "127.0.0.1", port: 0 });
  const { recorder, seen } = recording({});
  const peer = scriptedPeerOn(listener, { offers: ["STARTTLS"], tls: recorder });
  await using kasi = await startKasi({
    listen: `127.0.0.1:${port},127.0.0.1:${plain}`,
    files: relaySite((listener.addr as NetAddr).port, {
      ...OWN,
      "config/plugins": "tls\nto_next_hop\n",
      "config/tls.ini":
        `no_starttls_ports[]=${plain}\n[no_tls_hosts]\n127.0.0.9\n127.0.1.0/24\n[outbound]\nno_tls_hosts[]=127.0.0.1\n`,
    }),
  });
  await kasi.untilLogged(new RegExp(`Listening on \\S*:${plain}`));
  const offered = async (to: number, from: string) => {
    await using client = await SmtpClient.connect(to, { localAddress: from });
    const listed = /STARTTLS/.test(await client.hello());
    const taken = (await client.say("STARTTLS")).startsWith("220");
    assert.equal(taken, listed);
    return listed;
  };
  assert.equal(await offered(port, "127.0.0.1"), true);
  assert.equal(await offered(port, "127.0.0.9"), false);
  assert.equal(await offered(port, "127.0.1.7"), false);
  assert.equal(await offered(plain, "127.0.0.1"), false);

  await using client = await SmtpClient.connect(port);
  await client.hello();
  assert.match(await client.mail("a@b.test", ["c@far.test"], "Subject: x\r\n\r\nx\r\n"), /^250/);
  await eventually(() => peer.messages.length === 1);
  assert.deepEqual(seen, []);
  assert.ok(!peer.commands.includes("STARTTLS"));
  peer.stop();
});

test("[row 164] requestCert asks, requireAuthorized ports and rejectUnauthorized refuse whom they cannot verify", async () => {
  const [open, strict] = [await freePort(), await freePort()];
  await using kasi = await startKasi({
    listen: `127.0.0.1:${open},127.0.0.1:${strict}`,
    smtpIni: `smtps_port=${strict}\n`,
    files: {
      ...WITH_TLS,
      "config/ca.pem": pki.ca,
      "config/tls/other.pem": pki.other.key + pki.other.cert,
      "config/tls.ini":
        `ca=ca.pem\nrequestCert=true\nrequireAuthorized[]=${strict}\n[other.test]\nrejectUnauthorized=true\n`,
    },
  });
  await kasi.untilLogged(new RegExp(`Listening on \\S*:${strict}`));
  /** What the client is answered behind the handshake; "" when the server hangs up. */
  const implicit = async (given: object) => {
    try {
      await using client = await SmtpClient.connect(strict, { tls: { servername: "localhost", ...given } });
      return await client.reply() ?? "";
    } catch {
      return ""; // refused within the handshake
    }
  };
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    assert.equal(await implicit({ maxVersion }), "");
    assert.equal(await implicit({ maxVersion, ...pki.stranger }), "");
    assert.match(await implicit({ maxVersion, ...pki.client }), /^220 /);
  }
  const upgraded = async (servername: string, given: object) => {
    try {
      await using client = await SmtpClient.connect(open);
      await client.hello();
      await client.startTls({ servername, ...given });
      return await client.say("EHLO again.test");
    } catch {
      return "";
    }
  };
  // Where a certificate is asked for and not required, whoever has none comes in, unverified.
  assert.match(await upgraded("localhost", {}), /^250/);
  await kasi.untilLogged(/secured .*verified=false/);
  assert.match(await upgraded("localhost", pki.client), /^250/);
  await kasi.untilLogged(/secured .*verified=true/);
  // By name, too.
  assert.equal(await upgraded("other.test", {}), "");
  assert.match(await upgraded("other.test", pki.client), /^250/);
});

/** The server's side of TLS that notes whom it saw: the common name of the client, "" for nobody. */
function recording(files: Partial<TlsFiles>): { recorder: ServerTls; seen: string[] } {
  const identity = { key: { file: "k", text: pki.leaf.key }, cert: { file: "c", text: pki.leaf.cert } };
  const certificates = new Certificates({ identities: [identity], ...files }, () => Date.now(), () => {});
  const side = serverTls(certificates, systemClock);
  const seen: string[] = [];
  return {
    seen,
    recorder: {
      async upgrade(conn, options) {
        const secure = await side.upgrade(conn, options);
        seen.push(secure.tls.peerCertificate?.commonName ?? "");
        return secure;
      },
    },
  };
}

/** Next hops on addresses of loopback, each with its script; all on one port. */
async function hops(port: number, tls: { readonly [address: string]: ServerTls | undefined }) {
  const { host } = await thisMachine();
  return Object.fromEntries(
    Object.entries(tls).map(([hostname, side]) => [
      hostname,
      scriptedPeerOn(
        host.listen({ hostname, port }),
        side === undefined ? { offers: [] } : { offers: ["STARTTLS"], tls: side },
      ),
    ]),
  );
}

/** Mail for `N.test` goes to 127.0.0.N. */
function byNumber(port: number, files: Readonly<Record<string, string>>): Record<string, string> {
  const plugin = `
    import { answer, type Plugin } from "kasi";
    export default {
      name: "to_next_hop",
      hooks: {
        connect({ session }) { session.relaying = true; },
        get_mx({ domain }) { return answer(\`127.0.0.\${parseInt(domain)}:${port}\`); },
      },
    } satisfies Plugin;
  `;
  return relaySite(port, { "plugins/to_next_hop.ts": plugin, ...files });
}

async function sendTo(port: number, ...recipients: string[]): Promise<void> {
  await using client = await SmtpClient.connect(port);
  await client.hello();
  for (const recipient of recipients) {
    assert.match(await client.mail("a@b.test", [recipient], "Subject: x\r\n\r\nx\r\n"), /^250/);
  }
}

test("[row 165] our certificate is shown to servers with mutual_tls, not to those excluded, another to those that are named; to nobody unasked", async () => {
  const asking = () => recording({ requestCert: true, ca: [{ file: "ca", text: pki.ca }] });
  for (const mutual of [true, false]) {
    const port = await freePort();
    const [all, excluded, named] = [asking(), asking(), asking()];
    const peers = await hops(port, {
      "127.0.0.1": all.recorder,
      "127.0.0.2": excluded.recorder,
      "127.0.0.3": named.recorder,
    });
    await using kasi = await startKasi({
      files: byNumber(port, {
        ...OWN,
        "config/tls/client.pem": pki.client.key + pki.client.cert,
        "config/tls.ini":
          `mutual_tls=${mutual}\n[mutual_auth_hosts]\n127.0.0.3=client.test\n[mutual_auth_hosts_exclude]\n127.0.0.2\n`,
      }),
    });
    await sendTo(kasi.port, "x@1.test", "x@2.test", "x@3.test");
    await eventually(() => Object.values(peers).every(({ messages }) => messages.length === 1), 15_000, "three mails");
    assert.deepEqual(all.seen, [mutual ? "localhost" : ""]);
    assert.deepEqual(excluded.seen, [""]);
    assert.deepEqual(named.seen, ["client.test"]);
    for (const peer of Object.values(peers)) peer.stop();
  }
});

test("[row 167] force_tls_hosts get nothing in plain, nothing unverified, and their mail when the certificate is good", async () => {
  const port = await freePort();
  const [good, wrong] = [recording({}), recording({})];
  // The certificate names 127.0.0.1 and no other address.
  const peers = await hops(port, { "127.0.0.1": good.recorder, "127.0.0.2": wrong.recorder, "127.0.0.3": undefined });
  await using kasi = await startKasi({
    files: byNumber(port, {
      "config/ca.pem": pki.ca,
      "config/tls.ini": "[outbound]\nca=ca.pem\nforce_tls_hosts[]=127.0.0.0/24\n",
    }),
  });
  await sendTo(kasi.port, "x@1.test", "x@2.test", "x@3.test");
  await kasi.untilLogged(/deferred .*domain=2\.test .*failed TLS verification required/);
  await kasi.untilLogged(/deferred .*domain=3\.test .*No TLS available but required/);
  await eventually(() => peers["127.0.0.1"]!.messages.length === 1);
  assert.deepEqual(good.seen, [""]); // nobody was asked for a certificate
  for (const address of ["127.0.0.2", "127.0.0.3"]) {
    const { commands } = peers[address]!;
    assert.ok(!commands.some((line) => /^(MAIL|RCPT|DATA)/.test(line)), commands.join("\n"));
  }
  for (const peer of Object.values(peers)) peer.stop();
  // A handshake that its client broke off hears of the end a moment later.
  await pause(300);
});

/** An authority with an OCSP responder, and a certificate of its that names the responder. */
async function responder(dir: string): Promise<ChildProcess> {
  const port = await freePort();
  const openssl = async (...args: string[]) => {
    const ran = await run("openssl", args, { cwd: dir });
    assert.equal(ran.code, 0, ran.output);
    return ran.stdout;
  };
  await openssl("req", "-x509", "-nodes", ...CURVE, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=OCSP CA");
  await openssl("req", "-nodes", ...CURVE, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=stapled.test");
  writeFileSync(join(dir, "ext"), `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}\n`);
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "0x4a15", "-days", "9", "-extfile", "ext"];
  await openssl("x509", "-req", "-in", "leaf.csr", ...signed, "-out", "leaf.pem");
  writeFileSync(join(dir, "index.txt"), "V\t360101000000Z\t\t4A15\tunknown\t/CN=stapled.test\n");
  const signer = ["-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "1"];
  const child = spawn("openssl", ["ocsp", "-index", "index.txt", "-port", String(port), ...signer], {
    cwd: dir,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // A connection just to see whether it listens would keep it from the next.
  let said = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (bytes) => said += bytes);
  await eventually(() => /waiting for OCSP client/.test(said), 15_000, "the OCSP responder");
  return child;
}

test("[row 168] requestOCSP staples the responder's answer under Node; under Deno the log says that it cannot", {
  skip,
}, async () => {
  const dir = temporaryDir();
  const child = await responder(dir);
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    const text = (name: string) => readFileSync(join(dir, name), "utf8");
    await using kasi = await startKasi({
      files: {
        "config/plugins": "tls\n",
        "config/tls.ini": "requestOCSP=true\n",
        "config/tls_key.pem": text("leaf.key"),
        "config/tls_cert.pem": text("leaf.pem") + text("ca.pem"),
      },
    });
    if (ON_DENO) {
      assert.match(kasi.output(), /requestOCSP: Deno's TLS does not obey it/);
      assert.match((await look(kasi.port, "-status")).output, /OCSP response: no response sent/);
      return;
    }
    await kasi.untilLogged(/OCSP response for stapled\.test is good until/);
    const { output } = await look(kasi.port, "-status", "-CAfile", join(dir, "ca.pem"), "-servername", "stapled.test");
    assert.match(output, /OCSP Response Status: successful/);
    assert.match(output, /Cert Status: good/);
    assert.match(output, /Serial Number: 4A15/);
    assert.equal((await look(kasi.port)).name, "stapled.test"); // who does not ask
  } finally {
    process.kill(child.pid!, "SIGTERM");
    await ended;
  }
});

test(
  "[row 169] Diffie-Hellman parameters that are named and missing are made, and used where TLS knows them",
  { skip },
  async () => {
    const rsa = await pairOf("rsa.test", ...RSA);
    await using kasi = await startKasi({
      files: {
        "config/plugins": "tls\n",
        "config/tls.ini": "dhparam=dhparams.pem\n",
        "config/tls_key.pem": rsa.key,
        "config/tls_cert.pem": rsa.cert,
      },
    });
    const file = join(kasi.dir, "config/dhparams.pem");
    assert.ok(existsSync(file));
    const checked = await run("openssl", ["dhparam", "-in", file, "-check", "-text", "-noout"]);
    assert.match(checked.output, /2048 bit/);
    assert.match(checked.output, /parameters appear to be ok/);
    const { output, name } = await look(kasi.port, "-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256");
    if (ON_DENO) {
      assert.match(kasi.output(), /dhparam: Deno's TLS does not obey it/);
      assert.equal(name, undefined);
    } else assert.match(output, /Server Temp Key: DH, 2048 bits/);
  },
);

test("[row 170] versions, ciphers and curves are as configured, or the log says that this runtime does not obey", {
  skip,
}, async () => {
  await using plain = await startKasi({ files: WITH_TLS });
  assert.equal((await look(plain.port, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")).name, undefined);
  assert.equal((await look(plain.port, "-tls1_2")).name, "localhost");

  const ini =
    "minVersion=TLSv1.2\nciphers=ECDHE-ECDSA-AES128-GCM-SHA256\necdhCurve=secp384r1\n[other.test]\nminVersion=TLSv1.3\n";
  await using kasi = await startKasi({
    files: { ...WITH_TLS, "config/tls/o.pem": pki.other.key + pki.other.cert, "config/tls.ini": ini },
  });
  assert.equal((await look(kasi.port, "-servername", "other.test", "-tls1_2")).name, undefined);
  assert.equal((await look(kasi.port, "-servername", "other.test")).name, "other.test");
  const { output } = await look(kasi.port, "-tls1_2");
  if (ON_DENO) {
    for (const setting of ["ciphers", "ecdhCurve"]) {
      assert.match(kasi.output(), new RegExp(`tls\\.ini ${setting}: Deno's TLS does not obey it`));
    }
    return;
  }
  assert.match(output, /Cipher is ECDHE-ECDSA-AES128-GCM-SHA256/);
  assert.match(output, /Server Temp Key: ECDH, secp384r1/);
  assert.equal((await look(kasi.port, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")).name, undefined);
});

test("certificates renewed five times under 200 sessions: each handshake gets one, none fails, the newest is served, a broken one is not", async () => {
  const renewals = await Promise.all([1, 2, 3, 4, 5].map(() => makePki()));
  await using kasi = await startKasi({ files: WITH_TLS });
  const put = ({ leaf }: { leaf: { key: string; cert: string } }) => {
    writeFileSync(join(kasi.dir, "config/tls_key.pem"), leaf.key);
    writeFileSync(join(kasi.dir, "config/tls_cert.pem"), leaf.cert);
  };
  let renewing = true;
  let sessions = 0;
  const failures: unknown[] = [];
  const session = async () => {
    let stage = "greeting";
    try {
      await using client = await SmtpClient.connect(kasi.port);
      await client.hello();
      stage = "STARTTLS";
      assert.match(await client.startTls({ servername: "localhost" }), /^220/);
      assert.match(await client.say("EHLO again.test"), /^250/);
      stage = "open";
      // It is held open over the renewals.
      if (sessions++ % 10 === 0) await eventually(() => !renewing, 60_000);
      assert.match(await client.say("NOOP"), /^250/);
      assert.match(await client.say("QUIT"), /^221/);
    } catch (cause) {
      failures.push(`${stage}: ${cause}`);
    }
  };
  const clients = Array.from({ length: 200 }, async () => {
    do await session(); while (renewing && sessions < 1500);
  });
  for (const [n, renewal] of renewals.entries()) {
    put(renewal);
    await eventually(
      () => (kasi.output().match(/Certificates are in use/g) ?? []).length > n,
      20_000,
      "the renewed one",
    );
  }
  renewing = false;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  assert.ok(sessions >= 200, String(sessions));

  const newest = async () => {
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    await client.startTls({ servername: "localhost", ca: [renewals[4]!.ca], rejectUnauthorized: true });
    return await client.say("EHLO again.test");
  };
  assert.match(await newest(), /^250/);
  writeFileSync(join(kasi.dir, "config/tls_cert.pem"), "half a certif");
  await kasi.untilLogged(/Keeping the certificates we have: .*tls_cert\.pem/);
  assert.match(await newest(), /^250/);
  // One for another name that comes later, in a directory that was not there.
  mkdirSync(join(kasi.dir, "config/tls"));
  put(renewals[4]!);
  writeFileSync(join(kasi.dir, "config/tls/other.pem"), pki.other.key + pki.other.cert);
  await kasi.untilLogged(/Certificates are in use: localhost, other\.test/);
});
