/** `kasi sites …` on the command line, for `options.ts`: forms, options, and what they come to. */
import { parseDuration, WANTED_DURATION } from "../config/amounts.ts";

export const SITES_VERBS = ["ls", "show", "suspend", "resume"] as const;
export type SitesVerb = typeof SITES_VERBS[number];

export interface SitesAction {
  readonly do: "sites";
  readonly verb: SitesVerb;
  /** Of all but `ls`. */
  readonly name?: string;
  /** As it was written; it can be read. */
  readonly for?: string;
  readonly reason?: string;
  readonly json: boolean;
  readonly site?: string;
}

export const SITES_OPTIONS = {
  for: { long: "--for", takes: "TIME", about: "with sites suspend: how long, such as 2h" },
} as const;

export const SITES_COMMANDS: readonly { readonly form: string; readonly about: string }[] = [
  { form: "sites ls [-c DIR]", about: "list destinations that have mail, and those that rest or are slowed down" },
  { form: "sites show NAME", about: "how a destination stands: a section of outbound.sites.ini, or a domain" },
  {
    form: "sites suspend NAME [--for TIME]",
    about: "send nothing to a destination (--reason TEXT for those who look)",
  },
  { form: "sites resume NAME", about: "end a destination's suspension, rest or slowness" },
];

interface Given {
  has(option: "for" | "reason" | "json"): boolean;
  get(option: "for" | "reason" | "json"): string | undefined;
}

/** `words`: what follows `sites`. */
export function chooseSites(
  given: Given,
  words: readonly string[],
  site: { readonly site?: string },
): SitesAction | { readonly do: "unknown"; readonly reason: string } {
  const unknown = (reason: string) => ({ do: "unknown", reason }) as const;
  const [word, name, ...more] = words;
  const verb = SITES_VERBS.find((each) => each === word);
  if (verb === undefined) return unknown(`sites wants one of ${SITES_VERBS.join(", ")}`);
  if (verb === "ls" ? name !== undefined : name === undefined || more.length > 0) {
    return unknown(verb === "ls" ? "sites ls takes no name" : `sites ${verb} wants one NAME, as sites ls prints it`);
  }
  for (const option of ["for", "reason"] as const) {
    if (given.has(option) && verb !== "suspend") return unknown(`sites ${verb} takes no --${option}`);
  }
  const time = given.get("for");
  if (time !== undefined && parseDuration(time) === undefined) return unknown(`--for wants ${WANTED_DURATION}`);
  const reason = given.get("reason");
  return {
    do: "sites",
    verb,
    json: given.has("json"),
    ...(name === undefined ? {} : { name }),
    ...(time === undefined ? {} : { for: time }),
    ...(reason === undefined ? {} : { reason }),
    ...site,
  };
}
