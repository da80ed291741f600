/**
 * Forward-confirmed reverse DNS: does the client's address have a name, and does that name lead back to the address?
 *
 * Each answer is noted; each failing can refuse. When the DNS cannot say, nobody is refused for good, and only where the setting that would
 * refuse is on is the client asked to come back.
 */
import {
  defer,
  deny,
  type DnsAnswer,
  fileShape,
  ipInList,
  ipInName,
  ipVersion,
  type Machine,
  normalizeIp,
  type Plugin,
  type RecordType,
  type Refusal,
  registeredDomain,
  reverseName,
  type Session,
} from "kasi";

const FCRDNS_INI = fileShape({
  file: "fcrdns.ini",
  about: "What is refused when an address and its names do not agree.",
  shape: {
    main: {
      timeout: { type: "number", default: 29, min: 0.001, about: "Seconds that all look-ups together may take." },
    },
    reject: {
      no_rdns: { type: "boolean", default: false, about: "Refuse addresses without a name." },
      no_fcrdns: { type: "boolean", default: false, about: "Refuse addresses none of whose names leads back to them." },
      invalid_tld: { type: "boolean", default: false, about: "Refuse names under no known top-level domain." },
      generic_rdns: {
        type: "boolean",
        default: false,
        about: "Refuse names made from the address, as providers give to their customers' lines.",
      },
    },
  },
});
/** Names are looked up all at once; more than these nobody needs. */
const MOST_NAMES = 10;

type Iprev = "pass" | "fail" | "permerror" | "temperror";

export default {
  name: "fcrdns",
  about: "Checks that the client's reverse name leads back to its address.",
  files: [FCRDNS_INI],
  async setup({ name, config, machine }) {
    const settings = await config.ini(FCRDNS_INI);

    const examine = async (session: Session, signal: AbortSignal): Promise<[Iprev, Refusal | undefined]> => {
      const { reject } = settings.value;
      const { results } = session;
      const { ip } = session.remote;
      const isExempt = session.notes.get("rdns_access") === "white";
      const noRdns = reject.no_rdns && !isExempt;
      const reverse = await ask(machine, reverseName(ip) ?? "", "PTR", signal);
      if (reverse.kind === "failed") {
        results.add(name, { err: reverse.reason === "timeout" ? "timeout" : reverse.reason.toUpperCase() });
        return ["temperror", noRdns ? defer("No answer for the name of your address") : undefined];
      }
      const names = reverse.kind === "records"
        ? reverse.records.slice(0, MOST_NAMES).map((one) => one.toLowerCase())
        : [];
      results.add(name, { ptr_names: names, has_rdns: names.length > 0 });
      if (names.length === 0) {
        results.add(name, { fail: "has_rdns" });
        return ["permerror", noRdns ? deny("Your address has no reverse name") : undefined];
      }

      const found = await Promise.all(names.map((one) => lookUp(machine, one, signal)));
      let refusal: Refusal | undefined;
      let confirmed: "fcrdns" | "fcrdns(net)" | undefined;
      let failed = false;
      for (const [i, ptr] of names.entries()) {
        if (registeredDomain(ptr) === undefined) {
          results.add(name, { fail: `valid_tld(${ptr})` });
          results.push(name, { invalid_tlds: ptr });
          if (reject.invalid_tld && !isExempt) refusal ??= deny(`Your reverse name ${ptr} is under no known domain`);
          continue;
        }
        refusal ??= judgeGeneric(session, ptr, reject.generic_rdns && !isExempt);
        const answer = found[i]!;
        if ("failed" in answer) {
          failed = true;
          results.add(name, { err: `${ptr}: ${answer.failed}` });
          continue;
        }
        const led = leads(ip, answer.ips);
        results.add(name, {
          ptr_name_to_ip: { ...results.get(name)?.["ptr_name_to_ip"] as object, [ptr]: answer.ips },
        });
        if (answer.ips.length === 0) results.add(name, { fail: `ptr_valid(${ptr})` });
        else results.add(name, { ptr_name_has_ips: true });
        if (led === "exactly") {
          results.add(name, { pass: "fcrdns" });
          results.push(name, { fcrdns: ptr });
          confirmed = "fcrdns";
        } else if (led === "nearly") {
          results.add(name, { pass: "fcrdns(net)" });
          results.push(name, { fcrdns: ptr });
          confirmed ??= "fcrdns(net)";
        } else results.push(name, { other_ips: answer.ips });
      }
      if (new Set(names.map(registeredDomain)).size > 1) results.add(name, { ptr_multidomain: true });
      if (confirmed !== undefined) return ["pass", refusal];
      if (refusal === undefined && reject.no_fcrdns) {
        refusal = failed
          ? defer("No answer for your reverse name")
          : deny("None of your reverse names leads back to your address");
      }
      return [failed ? "temperror" : "fail", refusal];
    };

    /** A name made from the address. */
    const judgeGeneric = ({ results, remote }: Session, ptr: string, refuses: boolean): Refusal | undefined => {
      const domain = registeredDomain(ptr) ?? "";
      if (!ipInName(remote.ip, ptr)) return void results.add(name, { pass: "is_generic_rdns" });
      results.add(name, { fail: "is_generic_rdns" });
      // A line of one's own, though the provider gave it its name.
      if (/static|business/.test(ptr.slice(0, -domain.length))) return undefined;
      results.add(name, { generic_rdns: true });
      return refuses ? deny("Your reverse name is your provider's: use its server to send mail") : undefined;
    };

    return {
      async connect_init({ session }) {
        session.results.add(name, {
          fcrdns: [],
          invalid_tlds: [],
          other_ips: [],
          ptr_names: [],
          ptr_multidomain: false,
          has_rdns: false,
          ptr_name_has_ips: false,
          generic_rdns: false,
          ptr_name_to_ip: {},
        });
      },

      async lookup_rdns({ session, signal }) {
        const { results, notes, remote } = session;
        if (remote.isPrivate) return void results.add(name, { skip: "private_ip" });
        const late = new AbortController();
        const timer = machine.clock.after(settings.value.main.timeout * 1000, () => late.abort());
        try {
          const [iprev, refusal] = await examine(session, AbortSignal.any([late.signal, signal]));
          const before = notes.get("authentication_results");
          // XCLIENT makes another client of it, which is looked up again.
          const others = Array.isArray(before) ? before.filter((one) => !String(one).startsWith("iprev=")) : [];
          notes.set("authentication_results", [...others, `iprev=${iprev}`]);
          results.add(name, { emit: true });
          return refusal;
        } finally {
          timer.cancel();
        }
      },

      data_post({ session, message: { header } }) {
        for (const field of ["X-Haraka-FCrDNS", "X-Haraka-rDNS-OtherIPs"]) header.remove(field);
        const found = session.results.get(name);
        const add = (field: string, list: unknown) => {
          if (Array.isArray(list) && list.length > 0) header.add(field, list.join(" "));
        };
        add("X-Haraka-FCrDNS", found?.["fcrdns"]);
        add("X-Haraka-rDNS-OtherIPs", found?.["other_ips"]);
        return undefined;
      },
    };
  },
} satisfies Plugin;

/** Whether one of the addresses is the client's, or of its /24. */
function leads(ip: string, addresses: readonly string[]): "exactly" | "nearly" | "elsewhere" {
  const own = normalizeIp(ip);
  if (addresses.includes(own)) return "exactly";
  if (ipVersion(own) !== 4) return "elsewhere";
  return addresses.some((one) => ipInList([`${own}/24`], one)) ? "nearly" : "elsewhere";
}

async function lookUp(machine: Machine, name: string, signal: AbortSignal) {
  const answers = await Promise.all([ask(machine, name, "A", signal), ask(machine, name, "AAAA", signal)]);
  const ips = answers.flatMap((answer) => answer.kind === "records" ? answer.records.map(normalizeIp) : []);
  const failed = answers.find((answer) => answer.kind === "failed");
  return ips.length === 0 && failed?.kind === "failed" ? { failed: failed.reason.toUpperCase() } : { ips };
}

/** An answer that is late is a failure like any other. */
async function ask<T extends RecordType>(
  { resolver }: Machine,
  name: string,
  type: T,
  signal: AbortSignal,
): Promise<DnsAnswer<T>> {
  try {
    return await resolver.resolve(name, type, { signal });
  } catch (fault) {
    if (!signal.aborted) throw fault;
    return { kind: "failed", reason: "timeout", detail: "no answer in time" };
  }
}
