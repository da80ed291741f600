/**
 * Asks lists of names in the DNS about every name a mail shows: the client's, the sender's, those of the header, and the links of the body.
 *
 * The first listing refuses. A list that cannot say, or is late, refuses nothing.
 */
import {
  type Config,
  deadline,
  deny,
  type Header,
  ipVersion,
  isPrivateIp,
  type Live,
  partsOf,
  type Plugin,
  registeredDomain,
  type Results,
  reverseName,
} from "kasi";
import { linksIn } from "./uribl_links.ts";
import { listsOf, TYPES, URIBL_INI, type UriblSettings, type UriList, type UriType } from "./uribl_ini.ts";

/** Octets of a message that are searched for links. */
const LOOK_AT = 1024 * 1024;
const HEADERS = [["from", "From"], ["replyto", "Reply-To"], ["msgid", "Message-ID"]] as const;

interface Question {
  readonly host: string;
  readonly list: UriList;
  readonly name: string;
}

export default {
  name: "uribl",
  about: "Asks lists of names about the names and links of a mail.",
  files: [URIBL_INI],
  async setup({ name, config, log, machine: { resolver, clock } }) {
    const settings = await config.ini(URIBL_INI);
    const lists = liveLists(settings, (reason) => log.error(`${reason}; the last good lists stay`));
    const isExcluded = await excluded(config);

    /** The questions that these hosts come to, and why the others are not asked. */
    function questions(type: UriType, hosts: readonly string[], results: Results): readonly Question[] {
      const skip = (reason: string) => results.add(name, { skip: reason });
      const asked: Question[] = [];
      const wanted = new Set(hosts.map(withoutArpa).filter((host) => host !== ""));
      const known = [...wanted].filter((host) => {
        if (isExcluded(host)) return void skip(`excluded domain:${host}`);
        return ipVersion(host) === undefined ? registeredDomain(host) !== undefined : !isPrivateIp(host);
      });
      for (const list of lists()) {
        if (!list[type]) {
          skip(`${type} unsupported for ${list.name}`);
          continue;
        }
        const names = new Map<string, string>();
        for (const host of known) {
          const version = ipVersion(host);
          if (version !== undefined && (list.no_ip_lookups || version === 6 && list.not_ipv6_compatible)) {
            skip(`IP (${host}) not supported for ${list.name}`);
            continue;
          }
          const stripped = list.strip_to_domain ? registeredDomain(host) ?? host : host;
          names.set(version === undefined ? stripped : reversed(host), version === undefined ? stripped : host);
        }
        const most = settings.value.main.max_uris_per_list;
        if (names.size > most) skip(`max query limit for ${list.name}`);
        const zone = list.dqs_key === undefined ? list.name : `${list.dqs_key}.${list.name}`;
        for (const [query, host] of [...names].slice(0, most)) asked.push({ host, list, name: `${query}.${zone}` });
      }
      if (asked.length === 0) skip(`${type} (no queries)`);
      return asked;
    }

    async function look(type: UriType, hosts: readonly string[], results: Results, signal: AbortSignal) {
      const asked = hosts.length === 0 ? [] : questions(type, hosts, results);
      if (asked.length === 0) return;
      const limit = deadline(clock, (settings.value.main.timeout - 2) * 1000, "uribl", signal);
      const enough = new AbortController();
      const either = AbortSignal.any([limit.signal, enough.signal]);
      let listed: Question | undefined;
      try {
        await Promise.all(asked.map(async (question) => {
          const answer = await resolver.resolve(question.name, "A", { signal: either });
          if (answer.kind === "failed") {
            results.add(name, { err: `${question.host} ${question.list.name}: ${answer.reason}` });
          } else if (answer.kind === "records" && listed === undefined && isListing(question.list, answer.records)) {
            listed = question;
            enough.abort();
          }
        }));
      } catch (fault) {
        if (listed === undefined) {
          if (!limit.signal.aborted || signal.aborted) throw fault;
          return void results.add(name, { err: `${type} (timeout)` });
        }
      } finally {
        limit.end();
      }
      if (listed === undefined) return void results.add(name, { pass: type });
      const { host, list } = listed;
      results.add(name, { fail: [type, host, list.name].join("/") });
      const text = list.custom_msg ?? "{uri} listed in {zone}";
      return deny(text.replaceAll("{uri}", host).replaceAll("{zone}", list.name), { enhanced: "5.7.1" });
    }

    const isAsked = (type: UriType) => lists().some((list) => list[type]);

    return {
      async lookup_rdns({ session, signal }) {
        const { remote, results } = session;
        const reverse = reverseName(remote.ip);
        if (remote.isPrivate || reverse === undefined || !isAsked("rdns")) return;
        const answer = await resolver.resolve(reverse, "PTR", { signal });
        if (answer.kind === "records") return await look("rdns", answer.records, results, signal);
      },

      helo: async ({ session, host, signal }) => await look("helo", [bare(host)], session.results, signal),
      ehlo: async ({ session, host, signal }) => await look("helo", [bare(host)], session.results, signal),

      async mail({ transaction, sender, signal }) {
        if (sender.host === "") return;
        return await look("envfrom", [bare(sender.host)], transaction.results, signal);
      },

      async data_post({ transaction: { results }, message, signal }) {
        for (const [type, field] of HEADERS) {
          const refusal = await look(type, domainsIn(message.header, field), results, signal);
          if (refusal !== undefined) return refusal;
        }
        if (isAsked("body")) {
          return await look("body", linksIn(await partsOf(message, LOOK_AT, signal)), results, signal);
        }
      },
    };
  },
} satisfies Plugin;

function liveLists(settings: Live<UriblSettings>, failed: (reason: string) => void): () => readonly UriList[] {
  const types = Object.keys(TYPES) as UriType[];
  const read = () => listsOf(settings.value).filter((list) => types.some((type) => list[type]));
  let current = read();
  settings.onChange(() => {
    try {
      current = read();
    } catch (fault) {
      failed((fault as Error).message);
    }
  });
  return () => current;
}

/** uribl.excludes: names that are never asked about, with all below them. */
async function excluded(config: Config): Promise<(host: string) => boolean> {
  const file = await config.list("uribl.excludes");
  const read = (lines: readonly string[]) => new Set(lines.map((line) => line.toLowerCase()));
  let names = read(file.value);
  file.onChange((lines) => names = read(lines));
  return (host) => {
    for (let at = host; at !== ""; at = at.includes(".") ? at.slice(at.indexOf(".") + 1) : "") {
      if (names.has(at)) return true;
    }
    return false;
  };
}

/**
 * RFC 5782 §2.1: listings are in 127.0.0.0/8; what else comes is from whoever has the name now. By 127.0.0.1 and 127.255.255.x the large lists say
 * that they take no questions from us.
 */
function isMeant(answer: string, bitmask: number | undefined): boolean {
  if (!answer.startsWith("127.") || answer.startsWith("127.255.255.")) return false;
  return answer !== "127.0.0.1" || ((bitmask ?? 0) & 1) !== 0;
}

function isListing({ valid, bitmask }: UriList, all: readonly string[]): boolean {
  const answers = all.filter((answer) => isMeant(answer, bitmask));
  const [first] = answers;
  if (first === undefined || valid !== undefined && !valid.test(first)) return false;
  return !bitmask || answers.some((answer) => (Number(answer.slice(answer.lastIndexOf(".") + 1)) & bitmask) !== 0);
}

/** Whatever stands behind an @, also in names and quotes; comments and blanks may stand between (RFC 5322 §4.4). */
function domainsIn(header: Header, field: string): readonly string[] {
  return header.getAll(field).flatMap((text) =>
    [...withoutComments(text).matchAll(/@\s*(\[[^\]]{1,64}\]|[^\s@<>()[\]:;,"\\]{1,253})/g)]
      .map((at) => inALabels(bare(at[1]!)))
  );
}

/** Comments may nest; a parenthesis without its other half is left. */
function withoutComments(text: string): string {
  for (let before = "", depth = 0; before !== text && depth < 10; depth++) {
    before = text;
    text = text.replace(/\([^()]*\)/g, " ");
  }
  return text;
}

function inALabels(host: string): string {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(host) ? host : URL.parse(`http://${host}/`)?.hostname ?? host;
}

/** Lower-case, without the brackets of a literal. */
function bare(host: string): string {
  return host.toLowerCase().replace(/^\[(?:ipv6:)?|\]$/g, "").replace(/\.$/, "");
}

/** `1.2.0.192.in-addr.arpa` → `192.0.2.1`: names that are addresses. */
function withoutArpa(host: string): string {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/i.exec(host);
  if (v4 !== null) return v4[1]!.slice(0, -1).split(".").reverse().join(".");
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/i.exec(host);
  if (v6 === null) return host.toLowerCase();
  return v6[1]!.replaceAll(".", "").split("").reverse().join("").match(/..../g)!.join(":");
}

function reversed(ip: string): string {
  return reverseName(ip)!.replace(/\.(?:in-addr|ip6)\.arpa$/, "");
}
