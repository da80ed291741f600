/** The settings of the plugin spf. */
import { fileShape } from "kasi";

const flag = (
  about: string,
  ...was: string[]
) => ({ type: "boolean", default: false, about, ...(was.length > 0 && { was }) } as const);
const DEFER = {
  helo_temperror: flag("Put off mail with a null sender when the HELO name's policy cannot be looked up."),
  mfrom_temperror: flag("Put off mail when the policy of the sender's domain cannot be looked up."),
};
/** Haraka's own file has `deny.mfrom_…` in its comments, for the taking. */
const DENY = {
  helo_none: flag("Refuse a null sender when the HELO name has no policy."),
  helo_softfail: flag("Refuse a null sender when the HELO name's policy says softfail."),
  helo_fail: flag("Refuse a null sender when the HELO name's policy says fail."),
  helo_permerror: flag("Refuse a null sender when the HELO name's policy makes no sense."),
  mfrom_none: flag("Refuse senders whose domain has no policy.", "deny.mfrom_none"),
  mfrom_softfail: flag("Refuse when the policy of the sender's domain says softfail.", "deny.mfrom_softfail"),
  mfrom_fail: flag("Refuse when the policy of the sender's domain says fail.", "deny.mfrom_fail"),
  mfrom_permerror: flag("Refuse when the policy of the sender's domain makes no sense.", "deny.mfrom_permerror"),
  openspf_text: flag("Read so that older files keep working; the site it pointed to is gone."),
};

export const SPF_INI = fileShape({
  file: "spf.ini",
  about: "Whom SPF (RFC 7208) is asked about, and what follows.",
  shape: {
    main: {
      lookup_timeout: {
        type: "number",
        default: 29,
        min: 1,
        about: "Seconds that one check may take; after that the mail goes on without it.",
      },
      dns_timeout: {
        type: "number",
        default: 28,
        min: 1,
        about:
          "Seconds that a look-up may take, where it is less than lookup_timeout: the check as a whole ends with it.",
      },
    },
    relay: {
      context: {
        type: "choice",
        of: ["sender", "myself"],
        default: "sender",
        about:
          "For clients that may relay: ask whether the client may send for this domain (sender), or whether we may (myself), as the next server will.",
      },
    },
    skip: {
      relaying: flag("Do not ask about clients that may relay."),
      auth: flag("Do not ask about clients that logged in."),
    },
    defer: DEFER,
    deny: DENY,
    defer_relay: DEFER,
    deny_relay: DENY,
  },
});
