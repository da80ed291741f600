/**
 * The domains whose mail is ours: `host_list` (names, one a line) and `host_list_regex` (patterns, matched against the whole domain).
 *
 * A helper for plugins (`rcpt_to.in_host_list`, `queue/maildir`). Both lists are read anew when they change; a pattern that does not
 * compile stops the start, and on a reload leaves the last good list in place, with a line in the log.
 */
import { ConfigError, parseAddress, type PluginHost } from "kasi";

export interface HostList {
  /** `domain` in lower-case A-labels, as an Address has it. */
  has(domain: string): boolean;
}

export async function hostList({ config, log }: Pick<PluginHost, "config" | "log">): Promise<HostList> {
  const names = await config.list("host_list");
  const patterns = await config.list("host_list_regex");
  let known = new Set(names.value.map(ascii));
  let matching = compile(patterns.value, config.path("host_list_regex"));
  names.onChange((lines) => known = new Set(lines.map(ascii)));
  patterns.onChange((lines) => {
    try {
      matching = compile(lines, config.path("host_list_regex"));
    } catch (fault) {
      log.error(`${(fault as Error).message}; the last good list stays`);
    }
  });
  return { has: (domain) => domain !== "" && (known.has(domain) || (matching?.test(domain) ?? false)) };
}

/** As an Address would have the domain, whatever way it is typed; `example.com.` is `example.com`. */
function ascii(typed: string): string {
  const name = typed.replace(/\.$/, "");
  return parseAddress(`postmaster@${name}`)?.host ?? name.toLowerCase();
}

function compile(lines: readonly string[], file: string): RegExp | undefined {
  for (const line of lines) {
    try {
      new RegExp(line);
    } catch {
      throw new ConfigError({ file, current: line, wanted: "a regular expression" });
    }
  }
  return lines.length === 0 ? undefined : new RegExp(`^(?:${lines.join("|")})$`, "i");
}
