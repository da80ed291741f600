/** dns-list.ini, the zones that are built in, and what a zone's section comes to. */
import { fileShape, type Settings } from "kasi";

export const DNS_LIST_INI = fileShape({
  file: "dns-list.ini",
  about: "Lists of addresses in the DNS: which are asked, and what a listing means.",
  shape: {
    main: {
      zones: {
        type: "words",
        default: [
          "b.barracudacentral.org",
          "truncate.gbudb.net",
          "psbl.surriel.com",
          "bl.spamcop.net",
          "dnsbl-1.uceprotect.net",
          "zen.spamhaus.org",
          "dnsbl.justspam.org",
          "list.dnswl.org",
          "hostkarma.junkemailfilter.com",
        ],
        about: "The zones to ask. Those of the files dnsbl.zones and dnswl.zones are asked too.",
      },
      periodic_checks: {
        type: "number",
        default: 30,
        min: 0,
        about:
          "Minutes between tests of the zones; one that fails is not asked until it passes. Below 5: all are asked from the start, and only those found silent are tested again.",
      },
      search: {
        type: "choice",
        of: ["all", "first", "multi"],
        default: "all",
        about: "first: the first listing that refuses decides. all, or multi: every zone's answer is waited for.",
      },
    },
    stats: {
      enable: {
        type: "boolean",
        default: false,
        about:
          "Keep the look-ups, listings and mean time of each zone in Redis, where there is one, and log them with every round of tests.",
      },
      redis_host: {
        type: "optional-text",
        about: "The Redis server for these numbers, host:port; else the one that the plugin `redis` shares.",
      },
    },
    "*": {
      open: true,
      about:
        "A section named as a zone: `type` is block, allow or karma; `reject` (true) lets a listing refuse; `ipv6=false` keeps IPv6 addresses from it; `loopback_is_rejected=true` says that it lists 127.0.0.1; `127.0.0.2=label` names an answer. [list.dnswl.org] has `ok_helo` and `ok_mail`: clients it lists pass there without further questions. [ips.backscatterer.org] has `enable`: clients it lists may not send bounces.",
    },
  },
});
/** The list of those who send bounces to people that wrote nothing. */
export const BACKSCATTERER = "ips.backscatterer.org";
export type DnsListSettings = Settings<typeof DNS_LIST_INI.shape>;

type Section = { readonly [key: string]: string | undefined };
const HOSTKARMA: Section = {
  "type": "karma",
  "loopback_is_rejected": "true",
  "127.0.0.1": "whilelist",
  "127.0.0.2": "blacklist",
  "127.0.0.3": "yellowlist",
  "127.0.0.4": "brownlist",
  "127.0.0.5": "NOBL",
  "127.0.1.1": "USES_QUIT",
  "127.0.1.2": "NO_QUIT",
  "127.0.1.3": "MIXED_QUIT",
  "127.0.2.1": "DAYS_2",
  "127.0.2.2": "DAYS_10",
  "127.0.2.3": "DAYS_11",
};
const SPAMHAUS: Section = {
  "ipv6": "false",
  "127.0.0.2": "SBL",
  "127.0.0.3": "CSS",
  "127.0.0.4": "XBL",
  "127.0.0.5": "XBL",
  "127.0.0.6": "XBL",
  "127.0.0.7": "XBL",
  "127.0.0.10": "PBL",
  "127.0.0.11": "PBL",
};
/** What is known of zones without their section; the site's keys go over it. */
const KNOWN: { readonly [zone: string]: Section } = {
  "zen.spamhaus.org": SPAMHAUS,
  "b.barracudacentral.org": { ipv6: "false" },
  "bl.spamcop.net": { ipv6: "true" },
  "hostkarma.junkemailfilter.com": { ...HOSTKARMA, ipv6: "true" },
  "list.dnswl.org": { type: "allow" },
};

export interface Zone {
  readonly name: string;
  readonly type: "block" | "allow" | "karma";
  readonly reject: boolean;
  /** undefined: nobody says; it is asked, but not tested. */
  readonly ipv6: boolean | undefined;
  readonly loopbackIsRejected: boolean;
  readonly labels: { readonly [answer: string]: string | undefined };
  readonly okHelo: boolean;
  readonly okMail: boolean;
  /** Asked about every client, not about those alone that send bounces. */
  readonly atConnect: boolean;
}

/** The zones of the settings and of the older lists, each once. */
export function zonesOf(
  settings: DnsListSettings,
  blocking: readonly string[],
  allowing: readonly string[],
): readonly Zone[] {
  const zones = new Map<string, Zone>();
  const add = (names: readonly string[], section: Section) => {
    for (const name of names.map(plain)) {
      if (name !== "" && !zones.has(name)) zones.set(name, zoneOf(name, { ...section, ...sectionOf(settings, name) }));
    }
  };
  add(allowing, { type: "allow" });
  add(settings.main.zones, {});
  add(blocking, {});
  if (isOn(settings, BACKSCATTERER, "enable") && !zones.has(BACKSCATTERER)) {
    zones.set(BACKSCATTERER, { ...zoneOf(BACKSCATTERER, sectionOf(settings, BACKSCATTERER)), atConnect: false });
  }
  return [...zones.values()];
}

/** Whether a zone's section says so. */
export function isOn(settings: DnsListSettings, zone: string, key: string): boolean {
  return truth(sectionOf(settings, zone)[key]) ?? false;
}

function sectionOf(settings: DnsListSettings, zone: string): Section {
  return { ...KNOWN[zone], ...settings["*"][zone] };
}

function zoneOf(name: string, section: Section): Zone {
  const { type } = section;
  return {
    name,
    type: type === "allow" || type === "karma" ? type : "block",
    reject: truth(section.reject) ?? true,
    ipv6: truth(section.ipv6),
    loopbackIsRejected: truth(section.loopback_is_rejected) ?? false,
    labels: section,
    okHelo: truth(section.ok_helo) ?? false,
    okMail: truth(section.ok_mail) ?? false,
    atConnect: true,
  };
}

function truth(text: string | undefined): boolean | undefined {
  return text === undefined || text === "" ? undefined : /^(?:true|yes|ok|enabled|on|1)$/i.test(text);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/^\.|\.$/g, "");
}
