/**
 * Looks at what a client calls itself in HELO and EHLO: twelve checks, each to be switched off, and each to refuse if so set.
 *
 * The checks are made once for each name a client says; a name said again (EHLO after STARTTLS) gets the answer it got. That the name or the
 * verb changed is looked at each time. A look-up that fails refuses nobody for good.
 */
import {
  defer,
  deny,
  fileShape,
  type HookEvent,
  type Machine,
  normalizeIp,
  type Plugin,
  type Refusal,
  type Session,
} from "kasi";
import { type CheckName, CHECKS, type Facts, type Finding } from "./helo.checks_table.ts";

const on = (what: string, was?: readonly string[]) =>
  ({ type: "boolean", default: true, about: `Check ${what}`, ...(was && { was }) }) as const;
const refuse = (check: string) => ({ type: "boolean", default: false, about: `Refuse who fails ${check}.` }) as const;

const HELO_CHECKS_INI = fileShape({
  file: "helo.checks.ini",
  about: "What is checked of HELO and EHLO, and what is refused.",
  shape: {
    main: {
      dns_timeout: { type: "number", default: 28, min: 0.001, about: "Seconds that look-ups may take." },
    },
    check: {
      match_re: on("the name against helo.checks.regexps."),
      bare_ip: on("for an address without brackets.", ["check_raw_ip"]),
      dynamic: on("for a name made from the client's address.", ["check_dynamic"]),
      big_company: on("whether a name of [bigco] comes from one of its domains."),
      valid_hostname: on("for a full name under a known top-level domain.", ["check_no_dot"]),
      rdns_match: on("whether the name is the reverse name, or of the same organizational domain."),
      forward_dns: on("whether the name leads to the client's address."),
      host_mismatch: on("whether a later greeting says another name.", ["mismatch"]),
      proto_mismatch: on("whether a later greeting uses the other verb."),
      literal_mismatch: {
        type: "choice",
        of: ["2", "1", "3", "0", "true", "false"],
        default: "2",
        about:
          "How near an address in brackets must be to the client's: 1 (or true) the same, 2 the same /24, 3 that or a private one; 0 (or false): unchecked.",
      },
    },
    reject: {
      match_re: refuse("match_re"),
      bare_ip: refuse("bare_ip"),
      dynamic: refuse("dynamic"),
      big_company: refuse("big_company"),
      valid_hostname: refuse("valid_hostname"),
      rdns_match: refuse("rdns_match"),
      forward_dns: refuse("forward_dns"),
      host_mismatch: refuse("host_mismatch"),
      proto_mismatch: refuse("proto_mismatch"),
      literal_mismatch: refuse("literal_mismatch"),
    },
    skip: {
      private_ip: { type: "boolean", default: true, about: "Clients of private networks are not checked." },
      relaying: { type: "boolean", default: true, about: "Clients that may relay are not checked." },
      whitelist: { type: "boolean", default: true, about: "Clients on a whitelist of access are not checked." },
      tlds: {
        type: "words",
        default: [],
        about: "Top-level domains of your own, such as lan, that valid_hostname lets be.",
      },
    },
    bigco: { open: true, about: "name = domain,domain: who greets by this name must come from one of these domains." },
  },
});
const LITERAL_MODES = { "0": 0, "1": 1, "2": 2, "3": 3, true: 1, false: 0 } as const;
/** How results name a check that has another name in the settings. */
const SHOWN: { readonly [name: string]: string } = { big_company: "big_co" };
const NO_NAME = new Set(["", "Unknown", "NXDOMAIN", "DNSERROR"]);

interface Heard {
  /** XCLIENT makes another client of it. */
  readonly ip: string;
  readonly first: string;
  readonly verb: string;
  readonly last: string;
  /** What came of the checks of `last`. */
  readonly verdict: Refusal | undefined;
}

export default {
  name: "helo.checks",
  about: "Checks what clients call themselves in HELO and EHLO.",
  files: [HELO_CHECKS_INI],
  async setup({ name, config, machine, log }) {
    const settings = await config.ini(HELO_CHECKS_INI);
    const lines = await config.list("helo.checks.regexps");
    const compile = (value: readonly string[]) =>
      value.flatMap((line) => {
        try {
          return [new RegExp(`^(?:${line})$`, "i")];
        } catch {
          log.error(`helo.checks.regexps: ${JSON.stringify(line)} is no regular expression; passed over`);
          return [];
        }
      });
    let patterns = compile(lines.value);
    lines.onChange((value) => patterns = compile(value));
    const heard = new WeakMap<Session, Heard>();

    /** Notes a finding, and refuses if the settings say so. */
    const judge = (session: Session, check: keyof typeof settings.value.reject, finding: Finding) => {
      const { list, text, ips, refuse, later, code, enhanced } = finding;
      session.results.add(name, { [list]: text, ...(ips && { ips }) });
      if (refuse === undefined || !settings.value.reject[check]) return undefined;
      session.results.add(name, { emit: true });
      if (later) return defer(refuse);
      return deny(refuse, { ...(code !== undefined && { code }), ...(enhanced !== undefined && { enhanced }) });
    };
    const isSkipped = (session: Session, check: string) => {
      const { skip } = settings.value;
      const why = skip.relaying && session.relaying
        ? "relay"
        : skip.private_ip && session.remote.isPrivate
        ? "private"
        : skip.whitelist && session.results.get("access")?.["whitelist"] === true
        ? "whitelist"
        : undefined;
      if (why !== undefined) session.results.add(name, { skip: `${SHOWN[check] ?? check}(${why})` });
      return why !== undefined;
    };
    const isOn = (check: CheckName | "host_mismatch" | "proto_mismatch") => {
      const { literal_mismatch, ...others } = settings.value.check;
      return check === "literal_mismatch" ? LITERAL_MODES[literal_mismatch] > 0 : others[check];
    };

    /** The checks of a name that was not said before. */
    const examine = async (session: Session, host: string, signal: AbortSignal): Promise<Refusal | undefined> => {
      const { main, check, skip, bigco } = settings.value;
      const { ip, host: rdns } = session.remote;
      const passed = new Set<string>();
      const facts: Facts = {
        host,
        ip,
        rdns: NO_NAME.has(rdns) ? "" : rdns,
        patterns,
        companies: companiesOf(bigco),
        knownTlds: skip.tlds,
        literalMode: LITERAL_MODES[check.literal_mismatch],
        checksHostname: check.valid_hostname,
        passed,
        lookUp: (host) => addresses(machine, host, main.dns_timeout * 1000, signal),
      };
      for (const one of Object.keys(CHECKS) as CheckName[]) {
        if (!isOn(one) || isSkipped(session, one)) continue;
        const finding = await CHECKS[one](facts);
        if (finding.list === "pass") passed.add(finding.text);
        const refusal = judge(session, one, finding);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    };

    /** What changed since the greeting before. */
    const compare = (session: Session, host: string, verb: string, before: Heard | undefined) => {
      if (
        before !== undefined && isOn("proto_mismatch") && before.verb !== verb && !isSkipped(session, "proto_mismatch")
      ) {
        const text = `proto_mismatch(${verb === "HELO" ? "smtp" : "esmtp"})`;
        const refusal = judge(session, "proto_mismatch", {
          list: "fail",
          text,
          refuse: `You said ${before.verb} before`,
        });
        if (refusal !== undefined) return refusal;
      }
      if (!isOn("host_mismatch") || isSkipped(session, "host_mismatch")) return undefined;
      if (before === undefined) return judge(session, "host_mismatch", { list: "skip", text: "host_mismatch(1st)" });
      if (before.first.toLowerCase() === host.toLowerCase()) {
        return judge(session, "host_mismatch", { list: "pass", text: "host_mismatch" });
      }
      const text = `host_mismatch(${before.first} / ${host})`;
      return judge(session, "host_mismatch", {
        list: "fail",
        text,
        refuse: "You called yourself something else before",
      });
    };

    const greeted = (verb: "HELO" | "EHLO") => async ({ session, host, signal }: HookEvent<"helo">) => {
      const { ip } = session.remote;
      const earlier = heard.get(session);
      const before = earlier?.ip === ip ? earlier : undefined;
      const first = before?.first ?? host;
      if (before === undefined) session.results.add(name, { helo_host: host });
      const changed = compare(session, host, verb, before);
      const isKnown = before !== undefined && before.last.toLowerCase() === host.toLowerCase();
      const verdict = isKnown
        ? before.verdict
        : changed === undefined
        ? await examine(session, host, signal)
        : undefined;
      // Of a name refused for the change nothing is known yet.
      if (changed === undefined) heard.set(session, { ip, first, verb, last: host, verdict });
      else heard.set(session, { ip, first, verb, last: before?.last ?? host, verdict: before?.verdict });
      session.results.add(name, { emit: true });
      return changed ?? verdict;
    };
    return { helo: greeted("HELO"), ehlo: greeted("EHLO") };
  },
} satisfies Plugin;

function companiesOf(listed: { readonly [name: string]: string | undefined }): Facts["companies"] {
  const split = (domains = "") => domains.toLowerCase().split(/[\s,;]+/).filter((domain) => domain !== "");
  return new Map(Object.entries(listed).map(([name, domains]) => [name.toLowerCase(), split(domains)]));
}

/** A and AAAA of a name. What one of the two says counts where the other fails. */
async function addresses({ resolver, clock }: Machine, host: string, ms: number, signal: AbortSignal) {
  const late = new AbortController();
  const timer = clock.after(ms, () => late.abort());
  try {
    const either = { signal: AbortSignal.any([late.signal, signal]) };
    const answers = await Promise.all([resolver.resolve(host, "A", either), resolver.resolve(host, "AAAA", either)]);
    const ips = answers.flatMap((answer) => answer.kind === "records" ? answer.records.map(normalizeIp) : []);
    const failed = answers.find((answer) => answer.kind === "failed");
    return ips.length === 0 && failed?.kind === "failed" ? { failed: failed.reason.toUpperCase() } : { ips };
  } catch (fault) {
    if (!late.signal.aborted) throw fault;
    return { failed: "TIMEOUT" };
  } finally {
    timer.cancel();
  }
}
