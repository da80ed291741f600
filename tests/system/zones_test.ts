/**
 * The plugins that ask the DNS, in a running server whose resolver asks a real name server: NSD with a root zone of our own (policies, keys, lists,
 * reverse names, with the aliases, long texts and slips that real zones have), and for names below `broken.example.com` a server that fails.
 *
 * Clients come by the PROXY protocol, so that each has an address of its own.
 */
import assert from "node:assert/strict";
import dgram from "node:dgram";
import { rmSync } from "node:fs";
import packet from "dns-packet";
import { thisMachine } from "../../src/host/machine.ts";
import { stubResolver } from "../../src/host/resolver.ts";
import type { NetAddr, Resolver } from "../../src/host/types.ts";
import type { Plugin } from "../../src/hooks/plugin.ts";
import { ok } from "../../src/hooks/verdict.ts";
import { createLogging } from "../../src/log/logging.ts";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";
import { serve } from "../../src/server.ts";
import { LogLines } from "../kit/log_lines.ts";
import { startNsd, withoutNsd } from "../kit/nsd.ts";
import { eventually, temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { mail } from "../mailauth/kit.ts";

const [rsa, ed25519] = [await newDkimKey("rsa"), await newDkimKey("ed25519")];
/** As zone files have it: in strings of at most 255 octets. */
const txt = (text: string) => text.match(/.{1,200}/g)!.map((piece) => `"${piece}"`).join(" ");
const txtsOf = (name: string, ...texts: string[]) => texts.map((text) => `${name} TXT ${txt(text)}`).join("\n");
const listed = (zone: string, ...ips: string[]) =>
  ips.map((ip) => `${ip.split(".").reverse().join(".")}.${zone}. A 127.0.0.2`).join("\n");

/** Policies of `pN.s.example.com`, and what they say of 44.10.20.99. */
const POLICIES: readonly (readonly [policy: string, result: string])[] = [
  ["v=spf1 ip4:44.10.20.99 -all", "Pass"],
  ["V=SPF1 IP4:44.10.20.99 -ALL", "Pass"],
  ["v=spf10 +all", "None"],
  ["v=spf1", "Neutral"],
  ["v=spf1 a:mail.example.org/24 -all", "Pass"],
  ["v=spf1 mx:example.org/24 -all", "Pass"],
  ["v=spf1 redirect=p0.s.example.com", "Pass"],
  ["v=spf1 exists:%{ir}.%{v}.x.%{d2} -all", "Pass"],
  ["v=spf1 exists:%{l1r-}.%{o}.x.%{d2} -all", "Pass"],
  ["v=spf1 ptr:example.org -all", "Fail"],
  ["v=spf1 include:p9.s.example.com ?all", "Neutral"],
  ["v=spf1 include:p11.s.example.com -all", "PermError"],
  ["v=spf1 a:v1.example.com a:v2.example.com a:v3.example.com +all", "PermError"],
  ["v=spf1 a:v1.example.com a:v2.example.com +all", "Pass"],
  ["v=spf1 " + "a:mail.example.org ".repeat(11) + "+all", "PermError"],
  ["v=spf1 " + "a:mail.example.org ".repeat(10) + "+all", "Pass"],
  ["v=spf1 include:none.example.com -all", "PermError"],
  ["v=spf1 include:x.broken.example.com +all", "TempError"],
  ["v=spf1 include:silent.broken.example.com +all", "TempError"],
  ["v=spf1 ip4:44.10.20.99/33 -all", "PermError"],
  ["v=spf1 sesame -all", "PermError"],
  ["v=spf1 unknown=x ip4:44.10.20.99 -all", "Pass"],
  ["v=spf1 redirect=none.example.com", "PermError"],
  ["v=spf1 -all redirect=p0.s.example.com", "Fail"],
  ["v=spf1 ip6:2001:4860::/32 ~all", "SoftFail"],
  ["v=spf1 exists:%{i -all", "PermError"],
  ["v=spf1 a:%(bad) -all", "PermError"],
  ["v=spf1 ip4:44.10.20.99 -all " + "ip4:44.10.20.1 ".repeat(600), "Pass"],
];

const nibbles = (hex: string) => [...hex].reverse().join(".");
const SIX = "2a00:1450:4000::10";
const NIBBLES = nibbles("2a001450400000000000000000000010");
const LISTED_SIX = nibbles("2a001450400000000000000000000066");

const ZONE = `$ORIGIN .
$TTL 300
@ SOA ns.root. hostmaster.root. 1 3600 600 86400 42
@ NS ns.root.
ns.root. A 127.0.0.1

; A sender who does all well; his provider runs his reverse zone (RFC 2317), another signs for him, and his texts are long.
example.org. MX 10 mx.example.org.
example.org. TXT "v=spf1 include:_spf.exam" "ple.net -all"
${Array.from({ length: 40 }, (_, i) => `example.org. TXT "verification-${i}=${"x".repeat(100)}"`).join("\n")}
_spf.example.net. TXT "v=spf1 ip4:44.10.20.0/28 -all"
mx.example.org. CNAME mail.example.org.
mail.example.org. A 44.10.20.10
10.20.10.44.in-addr.arpa. CNAME 10.0/28.20.10.44.in-addr.arpa.
10.0/28.20.10.44.in-addr.arpa. PTR mail.example.org.
rsa._domainkey.example.org. CNAME k1.dkim.example.net.
k1.dkim.example.net. TXT ${txt(rsa.record)}
ed._domainkey.example.org. TXT ${txt(ed25519.record)}
${txtsOf("revoked._domainkey.example.org.", "v=DKIM1; p=")}
${txtsOf("twice._domainkey.example.org.", rsa.record, rsa.record.replace("v=DKIM1;", "v=DKIM1; n=2;"))}
${txtsOf("nokey._domainkey.example.org.", "v=DKIM1; p=MIIBIjANBgkq!!!")}
_dmarc.example.org. CNAME _dmarc.hosted.example.net.
_dmarc.hosted.example.net. TXT "v=DMARC1; p=reject; rua=mailto:" "dmarc@example.net"
10.20.10.44.asn.rspamd.com. TXT "64496|44.10.20.0/24|ZZ|iana|2010-01-01"
165.51.128.66.asn.rspamd.com. TXT "26496|66.128.48.0/20|US|arin|2002-08-27"

; The same over IPv6.
six.example.org. AAAA ${SIX}
six.example.org. TXT "v=spf1 ip6:2a00:1450::/32 -all"
${NIBBLES}.ip6.arpa. PTR six.example.org.
${NIBBLES}.asn6.rspamd.com. TXT "64497|2a00:1450::/32|ZZ|iana|2010-01-01"
${LISTED_SIX}.bl.example.net. A 127.0.0.3

; A client whose reverse name is a trap.
77.20.10.44.in-addr.arpa. PTR evil\\013\\010Injected:\\032yes.example.org.
evil\\013\\010Injected:\\032yes.example.org. A 44.10.20.77
78.20.10.44.in-addr.arpa. PTR evil\\.dot.example.org.
78.20.10.44.in-addr.arpa. PTR UPPER.example.org.
evil\\.dot.example.org. A 44.10.20.78
upper.example.org. A 44.10.20.78
79.20.10.44.in-addr.arpa. CNAME 79.20.10.44.in-addr.arpa.

; Lists: one that works, one that allows, one that lists everybody, one that has gone.
${listed("bl.example.net", "127.0.0.2", "44.10.20.66")}
${listed("wl.example.net", "127.0.0.2", "44.10.20.10")}
*.expired.example.net. A 203.0.113.80
bad.example.com.ubl.example.net. A 127.0.0.4
6.30.10.44.ubl.example.net. A 127.0.0.2

; Senders with slips.
null.example.com. MX 0 .
noroute.example.com. MX 10 loop.example.com.
loop.example.com. A 127.0.0.1
alias.example.com. CNAME example.org.
v6.example.com. AAAA 2001:4860::1
${POLICIES.map(([text], i) => `p${i}.s.example.com. TXT ${txt(text)}\np${i}.s.example.com. A 44.10.20.1`).join("\n")}
99.20.10.44.in-addr.x.example.com. A 127.0.0.2
joe.p8.s.example.com.x.example.com. A 127.0.0.2
two.example.com. TXT "v=spf1 -all"
two.example.com. TXT "v=spf1 +all"
two.example.com. A 44.10.20.1
`;

/** Senders, and what MAIL comes to. */
const SENDERS: readonly (readonly [domain: string, reply: RegExp])[] = [
  ["null.example.com", /^550 5\.7\.27 null\.example\.com takes no mail/],
  ["noroute.example.com", /^550 5\.1\.8 No valid MX/],
  ["nobody.example.com", /^550 5\.1\.8 No MX/],
  ["alias.example.com", /^250 /],
  ["v6.example.com", /^250 /],
  ["two.example.com", /^250 /],
  ["x.broken.example.com", /^450 4\.4\.3 Temporary resolver error/],
  ["silent.broken.example.com", /^450 4\.4\.3 Temporary resolver error/],
];
/** Selectors of the signatures of one letter, from the top. */
const SIGNATURES = [
  ...["ed pass", "rsa neutral", "silent temperror", "x temperror"],
  ...["gone neutral", "nokey neutral", "twice neutral", "revoked neutral"],
];
/** Clients whose reverse names are traps. */
const TRAPS: readonly (readonly [ip: string, fcrdns: { readonly [key: string]: unknown }])[] = [
  ["44.10.20.77", { pass: [], fail: ["valid_tld(evil\r\ninjected: yes.example.org)"] }],
  ["44.10.20.78", { fcrdns: ["upper.example.org"], fail: ["ptr_valid(evil.dot.example.org)"] }],
  ["44.10.20.79", { err: ["MALFORMED"], fail: [] }],
];

interface Failing {
  readonly resolver: Resolver;
  stop(): Promise<void>;
}
/** Of names with a label `silent` it says nothing, of others SERVFAIL. */
async function failing(): Promise<Failing> {
  const socket = dgram.createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const query = packet.decode(bytes);
    if (/(?:^|\.)silent\./i.test(query.questions![0]!.name)) return;
    const reply = packet.encode({ type: "response", id: query.id!, flags: 2, questions: query.questions! });
    socket.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    resolver: stubResolver({ servers: [{ address: "127.0.0.1", port: socket.address().port }], timeoutMs: 150 }),
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

const FILES: { readonly [path: string]: string } = {
  "config/me": "mx.kasi.test\n",
  "config/host_list": "kasi.test\n",
  "config/connection.ini": "[haproxy]\nhosts=127.0.0.1\n",
  "config/dns-list.ini":
    "[main]\nzones=bl.example.net, wl.example.net, expired.example.net, gone.example.net, silent.broken.example.com\n[wl.example.net]\ntype=allow\n",
  "config/uribl.ini": "[ubl.example.net]\nhelo=1\nenvfrom=1\nfrom=1\nbody=1\n",
  "config/dmarc.ini": "[reject]\nenabled=true\n",
};
const PLUGINS = [
  ...["fcrdns", "asn", "dns-list", "helo.checks", "mail_from.is_resolvable", "spf", "rcpt_to.in_host_list"],
  ...["dkim", "arc", "dmarc", "authentication-results", "uribl"],
];
const LETTER = "From: joe@example.org\nTo: you@kasi.test\nDate: Mon, 30 Nov 2026 12:00:00 +0000\nSubject: x\n\n";

interface Said {
  /** What the last command was answered. */
  readonly reply: string;
  /** Of the session and, over it, of the transaction. */
  readonly results: { readonly [plugin: string]: { readonly [key: string]: unknown } };
  /** As the queue got it. */
  readonly arrived: string;
}
interface Client {
  readonly ip?: string;
  readonly helo?: string;
  readonly from?: string;
  readonly content?: string;
}

interface Scene extends AsyncDisposable {
  readonly log: readonly string[];
  /** One client, with one mail. */
  say(client: Client): Promise<Said>;
}

async function scene(): Promise<Scene> {
  const nsd = await startNsd({ ".": ZONE });
  const good = stubResolver({ servers: [{ address: "127.0.0.1", port: nsd.port }] });
  const bad = await failing();
  const resolver: Resolver = {
    resolve: (name, type, options) =>
      (/(^|\.)broken\.example\.com$/i.test(name) ? bad.resolver : good).resolve(name, type, options),
  };
  const machine = await thisMachine({ resolver });
  const dir = temporaryDir("kasi-zones-");
  writeSite(dir, { files: FILES });
  const sink = new LogLines();
  let results: Said["results"] = {};
  let arrived = "";
  const capture: Plugin = {
    name: "capture",
    hooks: {
      async queue({ message }) {
        arrived = await new Response(message.open()).text();
        return ok();
      },
      reset_transaction({ session, transaction }) {
        const both = (name: string) => ({ ...session.results.get(name), ...transaction?.results.get(name) });
        results = Object.fromEntries(PLUGINS.map((name) => [name, both(name)]));
        return undefined;
      },
    },
  };
  const logging = createLogging({ clock: machine.clock, sinks: [sink] });
  const server = await serve({ site: dir, machine, logging, plugins: [...PLUGINS, capture] });
  const { port } = server.addresses[0] as NetAddr;
  return {
    log: sink.lines,
    async say({ ip = "44.10.20.99", helo = "mail.example.org", from = "joe@example.org", content = LETTER }) {
      results = {};
      arrived = "";
      await using client = await SmtpClient.connect(port);
      const us = ip.includes(":") ? "TCP6" : "TCP4";
      await client.write(`PROXY ${us} ${ip} ${us === "TCP6" ? "2001:db8::1" : "192.0.2.1"} 41000 25\r\n`);
      let reply = await client.reply() ?? "";
      if (reply.startsWith("220")) reply = await client.say(`EHLO ${helo}`);
      if (reply.startsWith("250")) {
        reply = await client.mail(from, ["you@kasi.test"], content.replaceAll(/\r?\n/g, "\r\n"));
        await client.say("RSET");
      }
      return { reply, results, arrived };
    },
    async [Symbol.asyncDispose]() {
      await server.stop(0);
      await bad.stop();
      await nsd[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A letter with a signature by each of these selectors, as octets on the wire. */
async function signedBy(keys: readonly (readonly [selector: string, pem: string, domain?: string])[]): Promise<string> {
  const letter = mail(`${LETTER}http://fine.example.net/\n`);
  for (const [selector, pem, domain = "example.org"] of keys) {
    const options = { key: await readDkimKey(pem), domain, selector };
    letter.header.addLeading("DKIM-Signature", await signDkim(letter, options));
  }
  return await new Response(letter.open()).text();
}

test(
  "the plugins that ask the DNS, over real DNS: who does well, who is listed, who slips, and a DNS that fails",
  { skip: withoutNsd(), timeoutMs: 120_000 },
  async () => {
    await using kasi = await scene();
    const { say } = kasi;
    const untilLogged = (text: string) =>
      eventually(() => kasi.log.some((line) => line.includes(text)), 15_000, `${text} in ${kasi.log.join("\n")}`);

    // Lists that cannot be believed are put aside: one that lists everybody, one that is gone, one that is silent.
    await untilLogged("expired.example.net answers 203.0.113.80: not asked");
    await untilLogged("gone.example.net does not list 127.0.0.2: not asked");
    await untilLogged("silent.broken.example.com is silent: not asked");

    const well = await say({
      ip: "44.10.20.10",
      content: await signedBy([["rsa", rsa.privatePem], ["ed", ed25519.privatePem]]),
    });
    assert.match(well.reply, /^250 /);
    const { results } = well;
    assert.deepEqual([results.fcrdns!.fcrdns, results.fcrdns!.fail], [["mail.example.org"], []]);
    assert.deepEqual([results.asn!.asn, results.asn!.net], ["64496", "44.10.20.0/24"]);
    assert.ok((results["dns-list"]!.pass as string[]).includes("wl.example.net"));
    const { pass, fail, ips } = results["helo.checks"]!;
    assert.deepEqual([(pass as string[]).slice(-3), fail, ips], [
      ["rdns_match", "forward_dns", "literal_mismatch"],
      [],
      ["44.10.20.10"],
    ]);
    assert.deepEqual(results["mail_from.is_resolvable"]!.pass, ["has_fwd_dns"]);
    assert.deepEqual(results.uribl!.pass, ["envfrom", "from", "body"]);
    assert.match(
      well.arrived,
      new RegExp(
        [
          "^Authentication-Results: mx\\.kasi\\.test;",
          "\tiprev=pass;",
          "\tspf=pass smtp\\.mailfrom=example\\.org;",
          "\tdkim=pass header\\.i=@example\\.org header\\.d=example\\.org header\\.s=ed;",
          "\tdkim=pass header\\.i=@example\\.org header\\.d=example\\.org header\\.s=rsa;",
          "\tdmarc=pass \\(p=reject\\) header\\.from=example\\.org",
          "Received-SPF: Pass",
        ].join("\r\n"),
      ),
    );

    const six = await say({ ip: SIX, helo: "six.example.org", from: "joe@six.example.org", content: "\n" });
    assert.match(six.reply, /^250 /);
    assert.deepEqual(
      [six.results.fcrdns!.fcrdns, six.results.asn!.asn, six.results.spf!.result, six.results["helo.checks"]!.fail],
      [["six.example.org"], "64497", "Pass", []],
    );
    assert.match((await say({ ip: SIX.replace("10", "66") })).reply, /^554 .* is listed on bl\.example\.net$/);
    assert.match((await say({ ip: "44.10.20.66" })).reply, /^554 \[44\.10\.20\.66\] is listed on bl\.example\.net$/);
    assert.match((await say({ helo: "bad.example.com" })).reply, /^550 bad\.example\.com listed in ubl\.example\.net$/);
    const linked = await say({ from: "joe@v6.example.com", content: `${LETTER}see http://44.10.30.6/x\n` });
    assert.match(linked.reply, /^550 5\.7\.1 44\.10\.30\.6 listed in ubl\.example\.net$/);
    const forged = await say({});
    assert.match(forged.reply, /^550 5\.7\.26 DMARC policy of example\.org refuses this mail$/);
    assert.deepEqual([forged.results.spf!.result, forged.results.fcrdns!.fail], ["Fail", ["has_rdns"]]);

    for (const [who, reply] of SENDERS) {
      assert.match((await say({ from: `joe@${who}`, content: "\n" })).reply, reply, who);
    }

    for (const [i, [policy, result]] of POLICIES.entries()) {
      const said = await say({ from: `joe@p${i}.s.example.com`, content: "\n" });
      assert.deepEqual([said.results.spf?.result, said.reply.slice(0, 3)], [result, "250"], policy);
    }

    const signed = await say({
      from: "joe@v6.example.com",
      content: await signedBy([
        ...["revoked", "twice", "nokey", "gone"].map((selector) => [selector, rsa.privatePem] as const),
        ["x", rsa.privatePem, "broken.example.com"],
        ["silent", rsa.privatePem, "broken.example.com"],
        ["rsa", ed25519.privatePem],
        ["ed", ed25519.privatePem],
      ]),
    });
    assert.match(signed.reply, /^250 /, "one good signature is enough for DMARC");
    const said = [...signed.arrived.matchAll(/^\tdkim=(\w+) .*header\.s=(\w+)/gm)].map(([, result, s]) =>
      `${s} ${result}`
    );
    assert.deepEqual(said, SIGNATURES);

    for (const [ip, fcrdns] of TRAPS) {
      const said = await say({ ip, from: "joe@v6.example.com", content: "\n" });
      assert.match(said.reply, /^250 /);
      assert.doesNotMatch(said.arrived, /^injected/im);
      for (const [key, value] of Object.entries(fcrdns)) {
        assert.deepEqual(said.results.fcrdns![key], value, `${ip} ${key}`);
      }
    }
    assert.deepEqual(kasi.log.filter((line) => /^injected|\[(?:CRIT|ALERT|EMERG)\]/im.test(line)), []);
  },
);
