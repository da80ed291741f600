/**
 * Who may relay, and where to: by the client's address (`acl`), by the recipient's domain (`dest_domains`), or everyone (`all`); and next
 * hops by domain (`force_routing`).
 */
import {
  answer,
  type Config,
  ConfigError,
  deny,
  fileShape,
  ipInList,
  isNetwork,
  type Logger,
  ok,
  type Plugin,
  type Transaction,
} from "kasi";

const RELAY_INI = fileShape({
  file: "relay.ini",
  about: "Who may relay, and how relayed mail is routed.",
  shape: {
    relay: {
      acl: { type: "boolean", default: true, about: "Clients listed in relay_acl_allow may relay." },
      force_routing: {
        type: "boolean",
        default: true,
        about: "The nexthop of relay_dest_domains.ini decides where mail for a domain goes.",
      },
      all: {
        type: "boolean",
        default: false,
        about: "Everyone may relay to everyone. For test machines: this is an open relay.",
      },
      dest_domains: {
        type: "boolean",
        default: false,
        about: "The action of relay_dest_domains.ini decides whether mail for a domain is taken.",
      },
    },
  },
});
const DOMAINS_INI = fileShape({
  file: "relay_dest_domains.ini",
  about: "Domains that mail is relayed to.",
  shape: {
    domains: {
      open: true,
      about:
        'domain = {"action": "accept" | "continue" | "deny", "nexthop": "host:port"}; `any` is the nexthop of all others.',
    },
  },
});

interface Route {
  readonly action?: string;
  readonly nexthop?: string;
}

export default {
  name: "relay",
  about: "Lets listed clients relay, and routes by domain.",
  files: [RELAY_INI, DOMAINS_INI],
  async setup({ name, config, log }) {
    const settings = await config.ini(RELAY_INI);
    const allowed = await networks(config, log);
    const routes = await routesOf(config, log);
    // What one recipient's domain allowed holds for that domain: the recipients behind it are looked at all the same.
    const granted = new WeakSet<Transaction>();
    return {
      connect_init({ session }) {
        if (!settings.value.relay.acl) return;
        if (!ipInList(allowed(), session.remote.ip)) return void session.results.add(name, { skip: "acl(unlisted)" });
        session.results.add(name, { pass: "acl" });
        session.relaying = true;
      },

      connect: ({ session }) => settings.value.relay.acl && session.relaying ? ok() : undefined,

      rcpt({ session, transaction, recipient }) {
        const { all, dest_domains } = settings.value.relay;
        if (dest_domains) {
          const { results } = transaction;
          if (session.relaying && !granted.has(transaction)) results.add(name, { skip: "relay_dest_domain(relay)" });
          else if (routes().size === 0) results.add(name, { skip: "relay_dest_domain(config)" });
          else {
            const action = routes().get(recipient.address.host)?.action;
            if (action !== "accept" && action !== "continue") {
              results.add(name, { fail: "relay_dest_domain" });
              return deny(`You are not allowed to relay to ${recipient.address.host}`, { enhanced: "5.7.1" });
            }
            results.add(name, { pass: "relay_dest_domain" });
            session.relaying = true;
            granted.add(transaction);
            if (action === "accept") return ok();
          }
        }
        if (!all) return;
        session.relaying = true;
        return ok();
      },

      get_mx({ domain }) {
        if (!settings.value.relay.force_routing) return;
        const nexthop = routes().get(domain)?.nexthop ?? routes().get("any")?.nexthop;
        return nexthop === undefined ? undefined : answer(nexthop);
      },
    };
  },
} satisfies Plugin;

/** relay_acl_allow as it stands now, without what is no address. */
async function networks(config: Config, log: Logger): Promise<() => readonly string[]> {
  const lines = await config.list("relay_acl_allow");
  const read = (value: readonly string[]) =>
    value.map((line) => line.replace(/\s+#.*$/, "")).filter((line) => {
      if (!isNetwork(line)) {
        log.error(`relay_acl_allow: ${JSON.stringify(line)} is no address or CIDR block; passed over`);
      }
      return isNetwork(line);
    });
  let current = read(lines.value);
  lines.onChange((value) => current = read(value));
  return () => current;
}

async function routesOf(config: Config, log: Logger): Promise<() => ReadonlyMap<string, Route>> {
  const file = await config.ini(DOMAINS_INI);
  const read = (domains: { readonly [domain: string]: string | undefined }) =>
    new Map(Object.entries(domains).map(([domain, text]) => [domain.toLowerCase(), route(domain, text)]));
  let current = read(file.value.domains);
  file.onChange((value) => {
    try {
      current = read(value.domains);
    } catch (fault) {
      log.error(`${(fault as Error).message}; the last good routes stay`);
    }
  });
  return () => current;
}

function route(domain: string, text: string | undefined): Route {
  try {
    const value: unknown = JSON.parse(text ?? "");
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Falls through to the same fault.
  }
  throw new ConfigError({
    file: DOMAINS_INI.file,
    setting: `[domains] ${domain}`,
    current: text ?? "",
    wanted: 'JSON such as {"action": "accept", "nexthop": "mx.example.com:25"}',
  });
}
