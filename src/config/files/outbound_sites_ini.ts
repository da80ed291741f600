/** outbound.sites.ini: how each destination is treated. `config/sites.ts` makes policies of it. */
import { fileShape, type Section } from "../shape.ts";

const OF_A_SITE = {
  connections: { type: "integer", default: 20, min: 1, about: "Deliveries at one time, over all workers." },
  messages_per_connection: {
    type: "integer",
    default: 1000,
    min: 1,
    about: "Messages sent over one connection before it is closed.",
  },
  rate: {
    type: "optional-text",
    about:
      "Messages in a time, such as 250/1h or 10/s: never more in any stretch of that length, over all workers. none: as many as can be.",
  },
  retry: {
    type: "optional-text",
    about:
      "Times between attempts, written as temp_fail_intervals of outbound.ini; default: those of outbound.ini; none: bounce at once.",
  },
  expire: {
    type: "optional-text",
    about:
      "What is older than this, such as 5d, bounces, whatever the schedule says. none: the schedule alone decides.",
  },
  tls: {
    type: "choice",
    of: ["default", "none", "opportunistic", "required"],
    default: "default",
    about:
      "none: never; opportunistic: where it is offered, any certificate will do; required: verified, or the mail waits; default: as tls.ini says.",
  },
  sources: {
    type: "words",
    default: [],
    about:
      "Addresses to send from: names of [source …] sections, each with a weight as a*3 where it is to be used more often. Empty: the system's choice.",
  },
  breaker: {
    type: "integer",
    default: 5,
    min: 0,
    about: "Attempts in a row that reached no host, after which the site rests; 0: never.",
  },
  breaker_rest: {
    type: "text",
    default: "1m",
    about: "How long it rests at first. Then one message probes; if that fails too, twice as long.",
  },
  breaker_rest_max: { type: "text", default: "1h", about: "How long it rests at most." },
  backoff: {
    type: "words",
    default: ["greylisting", "slow"],
    about: "What replies make us go slow: names of [backoff …] sections; the first that matches counts. Empty: none.",
  },
} as const satisfies Section;

export const OUTBOUND_SITES_INI = fileShape({
  file: "outbound.sites.ini",
  about:
    "How each destination is treated. [main] holds for every recipient domain, each counted by itself. A section named after a domain ([example.com]), all domains below one ([*.example.com]), every domain ([*]) or the MX host of domains ([mx:*.example.net]) makes one site of all it matches, counted together; what it does not say is as in [main]. A domain's own name counts before a wildcard, the longer wildcard before the shorter, MX hosts after both, and [*] last. Changes count from the next delivery on.",
  shape: {
    main: OF_A_SITE,
    "source *": {
      address: { type: "words", default: [], about: "The address to send from; one of IPv4, one of IPv6, or both." },
      helo: { type: "optional-text", about: "What we call ourselves there (EHLO); by default the server's name." },
    },
    "backoff *": {
      when: {
        type: "lines",
        default: [],
        about:
          "Replies it is for (code, status and text, as in 421 4.7.0 Too fast): a part of the text, or a regular expression between slashes. One as when=…, more as when[]=… lines.",
      },
      do: {
        type: "choice",
        of: ["slow", "rest", "ignore"],
        default: "slow",
        about:
          "slow: half the connections and half the rate, and half of that the next time; rest: nothing is sent for a while; ignore: the reply means nothing.",
      },
      for: {
        type: "text",
        default: "5m",
        about: "How long: a site that is slow speeds up a step after each such time, one that rests sends a probe.",
      },
      max: { type: "text", default: "1h", about: "How long at most; a rest doubles while the probes are answered so." },
    },
    "*": OF_A_SITE,
  },
});
