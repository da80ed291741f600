/**
 * Refuses senders whose domain could take no answer: no MX, no address, or addresses that lead nowhere.
 *
 * When the DNS cannot say, the sender is asked to come back: a resolver's trouble never loses a mail.
 */
import {
  type Clock,
  ConfigError,
  defer,
  deny,
  type DnsAnswer,
  fileShape,
  ipVersion,
  isGlobalUnicast,
  type Plugin,
  type RecordType,
  type Resolver,
} from "kasi";

const IS_RESOLVABLE_INI = fileShape({
  file: "mail_from.is_resolvable.ini",
  about: "What is asked of a sender's domain.",
  shape: {
    main: {
      timeout_ms: { type: "integer", default: 5000, min: 1, about: "Milliseconds that one look-up may take." },
      timeout: {
        type: "integer",
        default: 0,
        min: 0,
        about: "The same in seconds, as older files have it; 0: timeout_ms holds.",
      },
      allow_mx_ip: { type: "boolean", default: false, about: "An MX may name an IP address in place of a host." },
      re_bogus_ip: {
        type: "text",
        default: "^(?:0\\.0\\.0\\.0|255\\.255\\.255\\.255|127\\.)",
        about: "Regular expression of IPv4 addresses that lead nowhere. IPv6 addresses must be global unicast.",
      },
    },
    reject: {
      no_mx: {
        type: "choice",
        of: ["deny", "defer", "no", "true", "false"],
        default: "deny",
        about: "What to do when there is nowhere to answer to: deny (or true), defer (or false), no: let it pass.",
      },
    },
  },
});

export default {
  name: "mail_from.is_resolvable",
  about: "Refuses senders whose domain cannot be answered to.",
  files: [IS_RESOLVABLE_INI],
  async setup({ name, config, machine }) {
    const settings = await config.ini(IS_RESOLVABLE_INI);
    try {
      new RegExp(settings.value.main.re_bogus_ip);
    } catch {
      throw new ConfigError({
        file: IS_RESOLVABLE_INI.file,
        setting: "[main] re_bogus_ip",
        current: settings.value.main.re_bogus_ip,
        wanted: "a regular expression",
      });
    }
    return {
      async mail({ transaction, sender, signal }) {
        const { results } = transaction;
        if (sender.host === "") return void results.add(name, { skip: "null host" });
        const { main, reject } = settings.value;
        const found = await reachable(sender.host, {
          resolver: machine.resolver,
          clock: machine.clock,
          timeoutMs: main.timeout > 0 ? main.timeout * 1000 : main.timeout_ms,
          signal,
          allowIp: main.allow_mx_ip,
          isBogus: bogus(main.re_bogus_ip),
        });
        switch (found.kind) {
          case "yes":
            return void results.add(name, { pass: found.by });
          case "unknown":
            results.add(name, { err: found.detail });
            return defer(`Temporary resolver error: ${sender.host}`, { enhanced: "4.4.3" });
          case "null-mx":
            results.add(name, { fail: "null_mx" });
            if (reject.no_mx === "no") return;
            return deny(`${sender.host} takes no mail (null MX)`, { code: 550, enhanced: "5.7.27" }); // RFC 7505 §4.2
          case "no": {
            results.add(name, { fail: "has_fwd_dns" });
            if (reject.no_mx === "no") return;
            const text = `No ${found.valid ? "" : "valid "}MX for your FROM address`;
            const isDenied = reject.no_mx === "deny" || reject.no_mx === "true";
            return isDenied ? deny(text, { enhanced: "5.1.8" }) : defer(text, { enhanced: "4.1.8" });
          }
        }
      },
    };
  },
} satisfies Plugin;

interface Asking {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly allowIp: boolean;
  readonly isBogus: (ip: string) => boolean;
}
type Found =
  | { readonly kind: "yes"; readonly by: "has_fwd_dns" | "implicit_mx" }
  /** `valid`: there were no names at all; else those there were lead nowhere. */
  | { readonly kind: "no"; readonly valid: boolean }
  | { readonly kind: "null-mx" }
  | { readonly kind: "unknown"; readonly detail: string };

/** So many hosts are looked up: a domain may name hundreds, and each costs us two questions at once. */
const MOST_MX = 10;

async function reachable(domain: string, asking: Asking): Promise<Found> {
  const isGoodIp = (name: string) => ipVersion(name) !== undefined && !asking.isBogus(bare(name));
  if (ipVersion(domain) !== undefined) {
    return asking.allowIp && isGoodIp(domain) ? { kind: "yes", by: "implicit_mx" } : { kind: "no", valid: true };
  }
  const mx = await ask(domain, "MX", asking);
  if (mx.kind === "failed") return unknown(domain, "MX", mx);
  if (mx.kind === "nxdomain") return { kind: "no", valid: true };
  const best = mx.kind === "records"
    ? mx.records.toSorted((a, b) => a.preference - b.preference).slice(0, MOST_MX)
    : [];
  const exchanges = best.map(({ exchange }) => exchange);
  if (exchanges.length > 0 && exchanges.every((name) => name === "")) return { kind: "null-mx" };
  if (asking.allowIp && exchanges.some(isGoodIp)) return { kind: "yes", by: "implicit_mx" };
  // RFC 5321 §5.1: a domain without MX is its own.
  const names = exchanges.length === 0
    ? [domain]
    : exchanges.filter((name) => name !== "" && ipVersion(name) === undefined);
  const answers = await Promise.all(names.flatMap((name) => [ask(name, "A", asking), ask(name, "AAAA", asking)]));
  const addresses = answers.flatMap((answer) => answer.kind === "records" ? answer.records : []);
  if (addresses.some((ip) => !asking.isBogus(ip))) return { kind: "yes", by: "has_fwd_dns" };
  const failed = answers.find((answer) => answer.kind === "failed");
  if (failed !== undefined) return unknown(names.join(", "), "A", failed);
  return { kind: "no", valid: exchanges.length === 0 && addresses.length === 0 };
}

/** An address without the brackets of a literal. */
function bare(name: string): string {
  return name.replace(/^\[(?:ipv6:)?|\]$/gi, "");
}

function unknown(name: string, type: RecordType, answer: Extract<DnsAnswer<RecordType>, { kind: "failed" }>): Found {
  return { kind: "unknown", detail: `${name} ${type}: ${answer.reason}${answer.detail && ` (${answer.detail})`}` };
}

/** One look-up under its deadline; being late is a failure like any other. */
async function ask<T extends RecordType>(name: string, type: T, asking: Asking): Promise<DnsAnswer<T>> {
  const late = new AbortController();
  const timer = asking.clock.after(asking.timeoutMs, () => late.abort());
  try {
    return await asking.resolver.resolve(name, type, { signal: AbortSignal.any([late.signal, asking.signal]) });
  } catch (fault) {
    if (!late.signal.aborted) throw fault;
    return { kind: "failed", reason: "timeout", detail: `no answer within ${asking.timeoutMs} ms` };
  } finally {
    timer.cancel();
  }
}

function bogus(pattern: string): (ip: string) => boolean {
  let v4: RegExp;
  try {
    v4 = new RegExp(pattern);
  } catch {
    v4 = /^(?:0\.0\.0\.0|255\.255\.255\.255|127\.)/;
  }
  return (ip) => ipVersion(ip) === 4 ? v4.test(ip) : !isGlobalUnicast(ip);
}
