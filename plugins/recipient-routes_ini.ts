/** rcpt_to.routes.ini, and the routes of its file part. */
import { ConfigError, fileShape, parseDestination } from "kasi";
import { REDIS_SECTION } from "./redis_ini.ts";

export const ROUTES_INI = fileShape({
  file: "rcpt_to.routes.ini",
  about: "Recipients that are taken, and where their mail goes.",
  shape: {
    redis: {
      enabled: {
        type: "boolean",
        default: true,
        about:
          "Ask Redis before the routes below, where there is one: that of the plugin `redis`, or the one named here.",
      },
      on_error: {
        type: "choice",
        of: ["defer", "skip"],
        default: "defer",
        about:
          "When Redis gives no answer and the routes below know nothing. defer: recipients get 451, queued mail waits. skip: as if Redis knew nothing; other plugins may refuse the recipient for good.",
      },
      ...REDIS_SECTION,
    },
    routes: {
      open: true,
      about: "`address = next hop` or `domain = next hop`: host, host:port, smtp://host:port or lmtp://host:port.",
    },
  },
});

/** Address or domain, lower-case → next hop. Throws ConfigError for a next hop that cannot be read. */
export function readRoutes(
  routes: { readonly [key: string]: string | undefined },
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(routes).map(([key, hop]) => {
      try {
        parseDestination(hop);
      } catch {
        throw new ConfigError({
          file: ROUTES_INI.file,
          setting: `[routes] ${key}`,
          current: hop ?? "",
          wanted: "host, host:port, smtp://host:port or lmtp://host:port",
        });
      }
      return [key.toLowerCase(), hop!];
    }),
  );
}
