/**
 * `kasi dkim keygen DOMAIN`: a new key in `config/dkim/DOMAIN/`, and the record to publish. `kasi dkim verify`: what a message's
 * signatures are worth, one line each; exit code 1 when none passes.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import { exists } from "../host/exists.ts";
import type { Host, Machine } from "../host/types.ts";
import { createMessage } from "../mail/message.ts";
import { memorySource } from "../mail/source.ts";
import { newDkimKey } from "../mailauth/dkim_key.ts";
import { verifyDkim } from "../mailauth/dkim_verify.ts";
import { findSite } from "../server/site.ts";
import type { Action } from "./options.ts";
import type { Terminal } from "./terminal.ts";

type DkimAction = Extract<Action, { do: "dkim" }>;
interface At {
  readonly machine: Machine;
  readonly out: Terminal;
}

export function dkim(action: DkimAction, at: At): Promise<number> {
  return action.verb === "keygen" ? keygen(action, at) : verify(action, at);
}

/** Labels of letters, digits and hyphens: it becomes the name of a directory. */
const DOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

async function keygen(
  { domain, kind, force, site }: Extract<DkimAction, { verb: "keygen" }>,
  { machine, out }: At,
): Promise<number> {
  const { host, clock } = machine;
  if (!DOMAIN.test(domain)) throw new Error(`No domain name: ${domain}`);
  const dir = `${findSite(host, site).configDir}/dkim/${domain.toLowerCase()}`;
  if (!force && exists(host, `${dir}/private`)) {
    throw new Error(`${dir}/private exists: publish another selector beside the old one first, then use -f`);
  }
  const key = await newDkimKey(kind);
  const now = new Date(clock.now());
  const selector = `${MONTHS[now.getUTCMonth()]}${now.getUTCFullYear()}`;
  const dns = dnsText(domain.toLowerCase(), selector, key.record);
  host.mkdirSync(dir, { recursive: true, mode: 0o755 });
  host.writeTextFileSync(`${dir}/private`, key.privatePem, { mode: 0o600 });
  host.chmodSync(`${dir}/private`, 0o600);
  host.writeTextFileSync(`${dir}/public`, key.publicPem);
  host.writeTextFileSync(`${dir}/selector`, `${selector}\n`);
  host.writeTextFileSync(`${dir}/dns`, dns);
  return out.say(`Made ${dir}\n\n${dns}`);
}

function dnsText(domain: string, selector: string, record: string): string {
  // RFC 1035 §3.3: a character-string has at most 255 octets.
  const strings = record.match(/.{1,200}/g)!.map((part) => `"${part}"`);
  return `Publish this TXT record in the zone ${domain}:

  ${selector}._domainkey.${domain}
  ${record}

The same as a zone file has it:

  ${selector}._domainkey IN TXT ( ${strings.join("\n    ")} )

Say too who may send for ${domain} (SPF), and what to do with other mail (DMARC), for example:

  ${domain}         TXT  v=spf1 mx -all
  _dmarc.${domain}  TXT  v=DMARC1; p=none; rua=mailto:postmaster@${domain}

Then set enabled=true in [sign] of dkim.ini.
`;
}

async function verify(
  { file }: Extract<DkimAction, { verb: "verify" }>,
  { machine, out }: At,
): Promise<number> {
  const message = createMessage(
    memorySource(file === undefined ? standardInput(machine.host) : machine.host.readFileSync(file)),
  );
  const found = await verifyDkim(message, { resolver: machine.resolver, now: machine.clock.now() });
  for (const { identity, domain, result, reason } of found) {
    out.say(`identity="${identity}" domain="${domain}" result=${result}${reason && ` (${reason})`}`);
  }
  if (found.length === 0) out.say("The message is not signed");
  return found.some(({ result }) => result === "pass") ? 0 : 1;
}

function standardInput({ stdin }: Host): Bytes {
  const parts: Bytes[] = [];
  for (;;) {
    const into = new Uint8Array(64 * 1024);
    const count = stdin.readSync(into);
    if (count === null) return concat(parts);
    parts.push(into.subarray(0, count));
  }
}
