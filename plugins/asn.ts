/**
 * Notes the network (ASN) that a client belongs to, as MaxMind's database or the DNS tells it. Refuses nobody.
 *
 * A provider that does not know the test address, or is silent, is put aside and tested again every half hour: each connection would wait
 * for it.
 */
import { type Clock, deadline, fileShape, type GeoFinding, type Plugin, type Resolver, sleep } from "kasi";
import { type AsnFacts, type Provider, PROVIDERS, questionFor } from "./asn_providers.ts";
import { geoDatabases } from "./geoip_databases.ts";

const ASN_INI = fileShape({
  file: "asn.ini",
  about: "Who is asked for the network of a client.",
  shape: {
    main: {
      providers: {
        type: "words",
        default: ["asn.rspamd.com"],
        about:
          "Zones: asn.rspamd.com, origin.asn.cymru.com, asn.routeviews.org and origin.asn.spameatingmonkey.net; the last one knows IPv4 only.",
      },
      test_ip: { type: "text", default: "66.128.51.165", about: "An address that every provider knows." },
      timeout: { type: "integer", default: 4, min: 1, about: "Seconds that a client waits for the answers." },
      dbdir: {
        type: "text",
        default: "/usr/local/share/GeoIP",
        about: "The folder with GeoLite2-ASN.mmdb. A file that changes is read anew within a minute.",
      },
    },
    protocols: {
      dns: {
        type: "boolean",
        default: true,
        about: "Ask the providers, about clients that the database does not know.",
      },
      geoip: { type: "boolean", default: false, about: "Look into MaxMind's database first; read at the start." },
    },
    header: {
      asn: { type: "boolean", default: false, about: "Add X-Haraka-ASN and X-Haraka-ASN-Org to messages." },
      provider: { type: "boolean", default: false, about: "Add X-Haraka-ASN-NAME for each provider." },
    },
  },
});
const RETEST_MS = 30 * 60_000;
const DATABASE = "GeoLite2-ASN";

interface Asking {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

export default {
  name: "asn",
  about: "Notes the network (ASN) that a client belongs to.",
  files: [ASN_INI],
  async setup({ name, config, log, machine, signal: stopping }) {
    const { resolver, clock } = machine;
    const settings = await config.ini(ASN_INI);
    const folder = () => settings.value.main.dbdir;
    const database = settings.value.protocols.geoip
      ? await geoDatabases({ machine, log, signal: stopping, folder, names: [DATABASE] })
      : undefined;
    if (database?.loaded.length === 0) {
      log.warn(`No database in ${folder()}: wanted: ${DATABASE}.mmdb; looked for again every minute`);
    }
    if (database !== undefined) settings.onChange(() => void database.refresh());
    const asking = (signal: AbortSignal): Asking => ({
      resolver,
      clock,
      seconds: settings.value.main.timeout,
      signal,
    });
    const aside = new Set<string>();
    const listed = () =>
      settings.value.protocols.dns ? settings.value.main.providers.flatMap((zone) => PROVIDERS[zone] ?? []) : [];
    for (const zone of settings.value.main.providers) {
      if (!Object.hasOwn(PROVIDERS, zone)) log.error(`asn.ini: ${zone} is no provider that is known; passed over`);
    }

    async function test(): Promise<void> {
      for (;;) {
        await Promise.all(
          listed().map(async (provider) => {
            const found = await ask(provider, settings.value.main.test_ip, asking(stopping));
            if (typeof found === "object") return void aside.delete(provider.key);
            aside.add(provider.key);
            log.error(`${provider.v4} does not know ${settings.value.main.test_ip} (${found}); put aside`);
          }),
        );
        await sleep(clock, RETEST_MS, stopping);
      }
    }
    // Ends with the server's signal; nothing else rejects.
    test().catch((fault) => stopping.aborted || log.error(`The providers are not tested any more: ${String(fault)}`));

    return {
      async lookup_rdns({ session: { remote, results }, signal }) {
        if (remote.isPrivate || results.get(name)?.asn !== undefined) return;
        const known = settings.value.protocols.geoip ? factsOf(database?.find(remote.ip, DATABASE)) : undefined;
        if (known !== undefined) return void results.add(name, { ...known, emit: true });
        const usable = listed().filter(({ key }) => !aside.has(key));
        const answers = await Promise.all(usable.map(async (provider) => {
          return { provider, found: await ask(provider, remote.ip, asking(signal)) };
        }));
        for (const { provider, found } of answers) {
          if (typeof found === "object") {
            const { asn, net, org } = found;
            const known = results.get(name);
            results.add(name, { [provider.key]: found });
            if (known?.asn === undefined) results.add(name, { asn });
            if (known?.net === undefined && net !== undefined) results.add(name, { net });
            if (known?.org === undefined && org !== undefined) results.add(name, { org });
          } else if (found !== "unknown") results.add(name, { err: `${provider.key}: ${found}` });
        }
        if (answers.length > 0) results.add(name, { emit: true });
      },

      data_post({ session, message: { header } }) {
        const { asn, provider } = settings.value.header;
        const found = session.results.get(name);
        const put = (field: string, value: string | undefined) => {
          // One that came with the mail is not ours.
          header.remove(field);
          if (value !== undefined) header.add(field, value);
        };
        if (asn) {
          put("X-Haraka-ASN", found?.asn === undefined ? undefined : [found.asn, found.net].filter(Boolean).join(" "));
          put("X-Haraka-ASN-Org", found?.org === undefined ? undefined : String(found.org));
        }
        for (const { key } of provider ? listed() : []) {
          const facts = Object.entries(found?.[key] ?? {}).map(([fact, value]) => `${fact}=${value}`);
          put(`X-Haraka-ASN-${key}`, facts.length === 0 ? undefined : facts.join(" "));
        }
        return undefined;
      },
    };
  },
} satisfies Plugin;

/** What a record of the database says; it may say anything. */
function factsOf(found: GeoFinding | undefined): AsnFacts | undefined {
  const { autonomous_system_number: asn, autonomous_system_organization: org } = found?.record ?? {};
  if (found === undefined || typeof asn !== "number") return undefined;
  return { asn: String(asn), net: found.network, ...(typeof org === "string" && org !== "" && { org }) };
}

/** What a provider says of an address; `unknown` when it knows nothing of it, else why it could not say. */
async function ask(provider: Provider, ip: string, { resolver, clock, seconds, signal }: Asking) {
  const question = questionFor(provider, ip);
  if (question === undefined) return "unknown";
  const limit = deadline(clock, seconds * 1000, provider.v4, signal);
  try {
    const answer = await resolver.resolve(question, "TXT", { signal: limit.signal });
    if (answer.kind === "failed") return answer.reason;
    if (answer.kind !== "records") return "unknown";
    for (const text of answer.records) {
      const found = provider.read(text, ip);
      if (found !== undefined) return found;
    }
    return "unknown";
  } catch (fault) {
    if (!limit.signal.aborted || signal.aborted) throw fault;
    return "timeout";
  } finally {
    limit.end();
  }
}
