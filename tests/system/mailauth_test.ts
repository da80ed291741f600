/** Signatures and seals between us, dkimpy and OpenDKIM: what we sign they verify, what they sign we verify. Keys are handed over, no DNS is asked. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Buffer } from "node:buffer";
import dkim from "../../plugins/dkim.ts";
import type { Message } from "../../src/mail/message.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { sealArc, verifyArc } from "../../src/mailauth/arc.ts";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { openDkimSigns, openDkimVerifies, withoutOpenDkim } from "../kit/opendkim.ts";
import { startNextHop } from "../kit/next_hop.ts";
import { relaySite } from "../kit/relay_site.ts";
import { ROOT, runtimeCommand, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";
import { LETTER, mail, NOW } from "../mailauth/kit.ts";

const PYTHON = "/usr/bin/python3";
const there = spawnSync(PYTHON, ["-c", "import dkim, nacl, authres"]).status === 0;
const skip = there ? undefined : "python3-dkim is not installed";
const GLUE = `
import sys, json, dkim
task = json.loads(sys.argv[1]); message = sys.stdin.buffer.read()
def dns(name, timeout=5):
    return task["zone"].get(name.decode().rstrip("."), "").encode()
if task["do"] == "verify":
    d = dkim.DKIM(message)
    count = len([f for f in d.headers if f[0].lower() == b"dkim-signature"])
    print(json.dumps([d.verify(idx=i, dnsfunc=dns) for i in range(count)]))
elif task["do"] == "arc":
    cv, results, reason = dkim.ARC(message).verify(dnsfunc=dns)
    print(json.dumps([cv.decode() if cv else None, str(reason)]))
elif task["do"] == "sign":
    out = dkim.sign(message, b"theirs", b"example.com", task["key"].encode(), canonicalize=(b"relaxed", task["body"].encode()),
        signature_algorithm=task["algorithm"].encode())
    sys.stdout.buffer.write(out + message)
elif task["do"] == "seal":
    out = dkim.arc_sign(message, b"theirs", b"example.com", task["key"].encode(), b"relay.test")
    sys.stdout.buffer.write(b"".join(out) + message)
`;
function python(task: object, message: Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync(PYTHON, ["-c", GLUE, JSON.stringify(task)], { input: message });
  assert.equal(status, 0, stderr.toString());
  return stdout;
}
const octets = async (message: Message) => new Uint8Array(await new Response(message.open()).arrayBuffer());
const arrivedFrom = (bytes: Buffer) => createMessage(memorySource(new Uint8Array(bytes)));
const LETTERS = [LETTER, LETTER.slice(0, LETTER.indexOf("\n\n") + 2), `${LETTER}  trailing \t\n\n\n .\n..\n`];

test(
  "dkimpy verifies what the plugin signs with the key of the sender's directory, and not what was changed [row 272]",
  {
    skip,
  },
  async () => {
    for (const kind of ["rsa", "ed25519"] as const) {
      const made = await newDkimKey(kind);
      for (const body of ["simple", "relaxed"]) {
        const plugin = await startPlugin(dkim, {
          files: {
            "dkim.ini": `[sign]\nenabled=true\n[canon]\nbody=${body}\n`,
            "dkim/football.example.com/private": made.privatePem,
            "dkim/football.example.com/selector": "ours",
          },
        });
        const zone = { "ours._domainkey.football.example.com": made.record };
        for (const letter of LETTERS) {
          const message = mail(letter);
          const session = fakeSession({ from: "joe@football.example.com", relaying: true });
          await plugin.run("queue_outbound", { session, event: { message } });
          const bytes = await octets(message);
          const verified = python({ do: "verify", zone }, bytes).toString();
          assert.deepEqual(JSON.parse(verified), [true], `${kind} ${body}`);
          const changed = Buffer.from(bytes).toString("latin1").replace("Is dinner", "Is supper");
          assert.match(python({ do: "verify", zone }, Buffer.from(changed, "latin1")).toString(), /false/);
        }
      }
    }
  },
);

test("the plugin verifies what dkimpy signs: results, notes, Authentication-Results; a changed body fails [row 273]", {
  skip,
}, async () => {
  for (const kind of ["rsa", "ed25519"] as const) {
    const made = await newDkimKey(kind);
    // dkimpy takes the seed of an Ed25519 key, which ends its PKCS#8.
    const der = Buffer.from(made.privatePem.replace(/-----[^-]+-----/g, ""), "base64");
    const key = kind === "rsa" ? made.privatePem : der.subarray(-32).toString("base64");
    const records = { "theirs._domainkey.example.com": { TXT: [made.record] } };
    for (const body of ["simple", "relaxed"]) {
      for (const letter of LETTERS) {
        const task = { do: "sign", key, body, algorithm: `${kind}-sha256` };
        const signed = python(task, await octets(mail(letter)));
        for (
          const [bytes, result] of [[signed, "pass"], [
            Buffer.concat([signed, Buffer.from("more\r\n")]),
            "fail",
          ]] as const
        ) {
          const plugin = await startPlugin(dkim, { zone: records });
          await plugin.machine.clock.advance(Date.now() - plugin.machine.clock.now());
          const session = fakeSession({ from: "joe@example.com" });
          const { results } = await plugin.run("data_post", { session, event: { message: arrivedFrom(bytes) } });
          assert.deepEqual(results![result], ["example.com"], `${kind} ${body}`);
          const [noted] = session.transaction!.notes.get("dkim_results") as Record<string, string>[];
          assert.deepEqual(
            [noted!.result, noted!.domain, noted!.selector, noted!.identity],
            [result, "example.com", "theirs", "@example.com"],
          );
          assert.match(
            String(session.transaction!.notes.get("authentication_results")),
            new RegExp(`^dkim=${result} .*header\\.d=example\\.com`),
          );
        }
      }
    }
  }
});

test("OpenDKIM verifies what the plugin signs, and not what was changed", { skip: withoutOpenDkim() }, async () => {
  for (const kind of ["rsa", "ed25519"] as const) {
    const made = await newDkimKey(kind);
    const keys = { "ours._domainkey.example.com": made.record };
    for (const [i, letter] of LETTERS.entries()) {
      const plugin = await startPlugin(dkim, {
        files: {
          "dkim.ini": `[sign]\nenabled=true\n[canon]\nbody=${i === 1 ? "relaxed" : "simple"}\n`,
          "dkim/example.com/private": made.privatePem,
          "dkim/example.com/selector": "ours",
        },
      });
      const message = mail(letter);
      const session = fakeSession({ from: "joe@football.example.com", relaying: true });
      await plugin.run("queue_outbound", { session, event: { message } });
      const bytes = await octets(message);
      assert.match(openDkimVerifies(bytes, keys), /^verification \(s=ours, d=example\.com, .*\) succeeded$/, kind);
      const changed = Buffer.from(bytes).toString("latin1").replace("Is dinner", "Is supper");
      assert.match(openDkimVerifies(Buffer.from(changed, "latin1"), keys), /failed/);
    }
  }
});

// No Ed25519: Debian's OpenDKIM 2.11.0~beta2 refuses its own signatures of that kind. dkimpy's are above.
test(
  "the plugin verifies what OpenDKIM signs; a changed field and a changed body fail",
  { skip: withoutOpenDkim() },
  async () => {
    const made = await newDkimKey("rsa");
    const zone = { "theirs._domainkey.example.com": { TXT: [made.record] } };
    const key = { domain: "example.com", selector: "theirs", privatePem: made.privatePem } as const;
    for (const canonicalization of ["simple/simple", "relaxed/relaxed", "simple/relaxed"]) {
      for (const letter of LETTERS) {
        const options = { ...key, algorithm: "rsa-sha256", canonicalization } as const;
        const signed = Buffer.from(openDkimSigns(await octets(mail(letter)), options));
        const field = Buffer.from(signed.toString("latin1").replace("Is dinner", "Is supper"), "latin1");
        const body = Buffer.concat([signed, Buffer.from("more\r\n")]);
        for (const [bytes, result] of [[signed, "pass"], [field, "fail"], [body, "fail"]] as const) {
          const plugin = await startPlugin(dkim, { zone });
          await plugin.machine.clock.advance(Date.now() - plugin.machine.clock.now());
          const session = fakeSession({ from: "joe@example.com" });
          const { results } = await plugin.run("data_post", { session, event: { message: arrivedFrom(bytes) } });
          assert.deepEqual(results![result], ["example.com"], canonicalization);
        }
      }
    }
  },
);

test("kasi dkim verify reads standard input: a signed sample passes, an altered one fails [row 17]", async () => {
  const made = await newDkimKey("rsa");
  const key = await readDkimKey(made.privatePem);
  const message = mail(LETTER);
  message.header.addLeading("DKIM-Signature", await signDkim(message, { key, domain: "example.com", selector: "s" }));
  const records = JSON.stringify({ "s._domainkey.example.com": { TXT: [made.record] } });
  const [program, ...args] = runtimeCommand();
  const run = (input: Uint8Array) =>
    spawnSync(program!, [...args, `${ROOT}tests/kit/command_line.ts`, records, "dkim", "verify"], { input, cwd: ROOT });
  const signed = Buffer.from(await octets(message));
  const good = run(signed);
  assert.equal(good.stdout.toString(), 'identity="@example.com" domain="example.com" result=pass\n');
  assert.equal(good.status, 0);
  const altered = run(Buffer.concat([signed, Buffer.from("more\r\n")]));
  assert.match(altered.stdout.toString(), /result=fail \(body hash did not verify\)\n/);
  assert.equal(altered.status, 1);
});

test("dkimpy and we hold one another's ARC seals for good", { skip }, async () => {
  const made = await newDkimKey("rsa");
  const key = await readDkimKey(made.privatePem);
  const names = ["ours._domainkey.kasi.test", "theirs._domainkey.example.com"];
  const plain = Object.fromEntries(names.map((name) => [name, made.record]));
  const resolver = zone(Object.fromEntries(names.map((name) => [name, { TXT: [made.record] }])));
  const seal = async (message: Message) => {
    const { result: chain, reason } = await verifyArc(message, { resolver, now: NOW });
    assert.notEqual(chain, "fail", reason);
    const options = { key, domain: "kasi.test", selector: "ours", results: "relay.test; dmarc=pass", chain, now: NOW };
    for (const [name, value] of (await sealArc(message, options))!.fields) message.header.addLeading(name, value);
    return await octets(message);
  };
  // Ours, theirs on top, ours on top of that.
  const first = await seal(mail(LETTER));
  assert.equal(JSON.parse(python({ do: "arc", zone: plain }, first).toString())[0], "pass");
  const second = python({ do: "seal", zone: plain, key: made.privatePem }, withResults(first));
  const found = await verifyArc(arrivedFrom(second), { resolver, now: Date.now() });
  assert.deepEqual([found.result, found.instance, found.sealer], ["pass", 2, "example.com"], found.reason);
  const third = await seal(arrivedFrom(second));
  const [verdict, reason] = JSON.parse(python({ do: "arc", zone: plain }, third).toString());
  assert.equal(verdict, "pass", reason);
});

test(
  "what passes through a running server arrives with a signature that dkimpy verifies, small or streamed from disk",
  {
    skip,
  },
  async () => {
    const made = await newDkimKey("rsa");
    await using hop = await startNextHop();
    await using kasi = await startKasi({
      files: relaySite(hop.port, {
        "config/plugins": "to_next_hop\nspf\ndkim\narc\ndmarc\nauthentication-results\n",
        "config/dkim.ini": "[sign]\nenabled=true\n",
        "config/dkim/football.example.com/private": made.privatePem,
        "config/dkim/football.example.com/selector": "ours",
      }),
    });
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    const zone = { "ours._domainkey.football.example.com": made.record };
    const letters = [...LETTERS, LETTER + "A line that is streamed, and not kept in memory.\n".repeat(60_000)];
    for (const [i, letter] of letters.entries()) {
      // Without a Message-ID: the server adds one, after the signature.
      const content = letter.replace(/^Message-ID:.*\n/m, "").replaceAll("\n", "\r\n");
      assert.match(await client.mail("joe@football.example.com", ["ann@example.org"], content), /^250/);
      const mails = await hop.untilMails(i + 1);
      const arrived = Buffer.from(mails[i]!.content, "latin1");
      assert.equal(python({ do: "verify", zone }, arrived).toString(), "[true]\n", `letter ${i}`);
      assert.match(arrived.toString("latin1"), /^Authentication-Results: kasi\.test;\r\n\tnone\r\n/m);
      assert.match(arrived.toString("latin1"), /^Message-Id: </mi);
    }
  },
);

/** dkimpy seals what it finds in Authentication-Results. */
function withResults(message: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from("Authentication-Results: relay.test; arc=pass; dmarc=pass\r\n"), message]);
}
