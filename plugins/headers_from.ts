/** Whose a From is: does it agree with the envelope, and does it name a brand that it does not come from? */
import {
  type Address,
  type authorsOf,
  type Header,
  organizationalDomain,
  parseAddress,
  type ResultEntry,
  type Session,
  type Transaction,
} from "kasi";
import type { HEADERS_INI } from "./headers_ini.ts";
import { BRANDS } from "./headers_ini.ts";
import type { Settings } from "kasi";

type Authors = Awaited<ReturnType<typeof authorsOf>>;

/** The result of the check `from_match`. */
export function fromMatch(session: Session, sender: Address, authors: Authors): ResultEntry {
  if (sender.isNull()) return { fail: "from_match(null)" };
  if (authors.fields === 0) return { fail: "from_match(missing)" };
  // RFC 5322 §3.6: one From.
  if (authors.fields > 1) return { fail: "from_match(rfc_violation)" };
  const author = addressOf(authors);
  if (author === undefined) return { fail: "from_match(unparsable)" };
  if (author.address.toLowerCase() === sender.address.toLowerCase()) return { pass: "from_match" };
  const from = organizationalDomain(sender.host);
  const said = organizationalDomain(author.host);
  if (from !== said) return { fail: `from_match(${from} / ${said})` };
  const proofs = ["domain"];
  if (reverseNames(session).includes(said)) proofs.push("fcrdns");
  const helo = session.results.get("helo.checks")?.helo_host;
  if (typeof helo === "string" && organizationalDomain(helo) === said) proofs.push("helo");
  return { pass: `from_match(${proofs.join(",")})` };
}

/** A brand's name in a text, the brand, and the domain it comes from. */
interface Target {
  readonly brand: string;
  readonly domain: string;
  readonly named: RegExp;
}

export function phishTargets(settings: Settings<typeof HEADERS_INI.shape>): readonly Target[] {
  const brands = new Map(Object.entries(BRANDS));
  for (const [brand, domain] of Object.entries(settings.phish_targets)) {
    if (domain === undefined || domain === "") brands.delete(brand.toLowerCase());
    else brands.set(brand.toLowerCase(), domain);
  }
  for (const domain of Object.keys(settings.phish_domains)) brands.set(domain.toLowerCase(), domain);
  return [...brands].map(([brand, domain]) => {
    const word = fold(brand).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    return {
      brand,
      domain: organizationalDomain(domain),
      named: new RegExp(`(?<![\\p{L}\\p{N}])${word}(?![\\p{L}\\p{N}])`, "u"),
    };
  });
}

/** The result of the check `from_phish`, and the brand that is impersonated. */
export function fromPhish(
  session: Session,
  { results }: Transaction,
  header: Header,
  authors: Authors,
  targets: readonly Target[],
): { readonly entry: ResultEntry; readonly brand?: string } {
  const text = header.getDecoded("From");
  if (text === undefined) return { entry: { skip: "from_phish(missing)" } };
  const author = addressOf(authors);
  if (author === undefined) return { entry: { fail: "from_phish(unparseable)" } };
  const folded = fold(text);
  const said = organizationalDomain(author.host);
  const proven = provenDomains(session, results);
  for (const { brand, domain, named } of targets) {
    if (!named.test(folded) || said === domain || proven.has(domain)) continue;
    return { entry: { fail: `from_phish(${brand})`, msg: `from: ${text}` }, brand };
  }
  return { entry: { pass: "from_phish" } };
}

const LOOK_ALIKES: { readonly [char: string]: string } = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "8": "b",
  ")": "g",
  "|": "l",
  "$": "s",
};
function fold(text: string): string {
  return text.toLowerCase().replace(/[0134578)|$]/g, (char) => LOOK_ALIKES[char]!);
}

/** Domains that SPF, DKIM or the reverse name vouch for. */
function provenDomains(session: Session, results: Transaction["results"]): ReadonlySet<string> {
  const spf = [session.results.get("spf"), results.get("spf")];
  const passed = spf.flatMap((record) => record?.result === "Pass" ? [record.domain] : []);
  const signed = results.get("dkim")?.pass ?? [];
  const names = [...passed, ...signed].filter((name) => typeof name === "string");
  return new Set([...names.map(organizationalDomain), ...reverseNames(session)]);
}

/** Organizational domains of the client's confirmed names. */
function reverseNames(session: Session): readonly string[] {
  const names = session.results.get("fcrdns")?.fcrdns;
  return [names].flat().filter((name) => typeof name === "string").map(organizationalDomain);
}

function addressOf({ addresses }: Authors): Address | undefined {
  const parsed = addresses[0] === undefined ? undefined : parseAddress(`<${addresses[0]}>`);
  return parsed === undefined || parsed.host === "" ? undefined : parsed;
}
