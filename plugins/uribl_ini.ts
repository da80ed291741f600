/** uribl.ini: the lists of names, and what each is asked about. */
import { ConfigError, fileShape, type Settings } from "kasi";

/** Where a name was found → what that is called. */
export const TYPES = {
  rdns: "the client's reverse names",
  helo: "the name of HELO or EHLO",
  envfrom: "the sender's domain",
  from: "the domains of From",
  replyto: "the domains of Reply-To",
  msgid: "the domain of Message-ID",
  body: "the links of the body",
} as const;
export type UriType = keyof typeof TYPES;

const flag = (about: string) => ({ type: "boolean", default: false, about }) as const;
const text = (about: string) => ({ type: "optional-text", about }) as const;

export const URIBL_INI = fileShape({
  file: "uribl.ini",
  about:
    "Lists of names in the DNS, one section for each. Those of dbl.spamhaus.org, multi.uribl.com and multi.surbl.org are built in; keys given here go over them.",
  shape: {
    "main": {
      max_uris_per_list: {
        type: "integer",
        default: 20,
        min: 1,
        about: "So many names are looked up in a list each time.",
      },
      timeout: {
        type: "integer",
        default: 30,
        min: 3,
        about: "Seconds for all look-ups at one command, two to spare.",
      },
    },
    "*": {
      rdns: flag(`Ask about ${TYPES.rdns}.`),
      helo: flag(`Ask about ${TYPES.helo}.`),
      envfrom: flag(`Ask about ${TYPES.envfrom}.`),
      from: flag(`Ask about ${TYPES.from}.`),
      replyto: flag(`Ask about ${TYPES.replyto}.`),
      msgid: flag(`Ask about ${TYPES.msgid}.`),
      body: flag(`Ask about ${TYPES.body}.`),
      no_ip_lookups: flag("The list holds no addresses."),
      not_ipv6_compatible: flag("The list holds no IPv6 addresses."),
      strip_to_domain: flag("Ask about the registered domain, not about names below it."),
      validate: text("Regular expression of the answers that count."),
      bitmask: {
        type: "integer",
        default: 0,
        min: 0,
        max: 255,
        about: "Bits of the last octet of which one must be set.",
      },
      custom_msg: text("What the client is told; {uri} and {zone} stand for what was found where."),
      dqs_key: text("A customer's key, put in front of the list's name."),
    },
  },
});
export type UriblSettings = Settings<typeof URIBL_INI.shape>;
export type UriList = UriblSettings["*"][string] & { readonly name: string; readonly valid: RegExp | undefined };

const BUILT_IN: UriblSettings["*"] = {
  "dbl.spamhaus.org": {
    validate: "^(?!127\\.0\\.1\\.255|127\\.255\\.255\\.)127\\.",
    rdns: true,
    helo: true,
    envfrom: true,
    from: true,
    msgid: true,
    body: true,
    no_ip_lookups: true,
    custom_msg: "{uri} listed in {zone}; see http://www.spamhaus.org/query/dbl?domain={uri}",
  },
  "multi.uribl.com": {
    validate: "^127",
    strip_to_domain: true,
    bitmask: 2,
    body: true,
    custom_msg: "{uri} listed in {zone}; see http://lookup.uribl.com/?domain={uri}",
  },
  "multi.surbl.org": { validate: "^127", strip_to_domain: true, body: true },
};

/** The lists of the settings. Throws ConfigError for an expression that cannot be read. */
export function listsOf(settings: UriblSettings): readonly UriList[] {
  const names = new Set([...Object.keys(BUILT_IN), ...Object.keys(settings["*"])]);
  return [...names].map((name) => {
    const list = { ...BUILT_IN[name], ...settings["*"][name] };
    return { ...list, name, valid: list.validate === undefined ? undefined : expression(name, list.validate) };
  });
}

function expression(list: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new ConfigError({
      file: URIBL_INI.file,
      setting: `[${list}] validate`,
      current: text,
      wanted: "a regular expression",
    });
  }
}
