/** bounce.ini: what is asked of mail with the null sender. */
import { fileShape, type Settings } from "kasi";

const flag = (value: boolean, about: string) => ({ type: "boolean", default: value, about }) as const;

export const BOUNCE_INI = fileShape({
  file: "bounce.ini",
  about: "What is asked of bounces: mail whose sender is null. A flag of [reject] switches its check on.",
  shape: {
    check: {
      single_recipient: flag(true, "A bounce has one recipient."),
      empty_return_path: flag(false, "A bounce carries no Return-Path that names anybody."),
      bad_rcpt: flag(true, "Recipients listed in bounce_bad_rcpt never send, so they get no bounces."),
      bounce_spf: flag(
        true,
        "One of the addresses that the bounced mail came from may send for the recipient's domain, by SPF.",
      ),
      non_local_msgid: flag(true, "The bounced mail has a Message-ID with a domain."),
      hash_validation: flag(
        false,
        "Outgoing mail gets a keyed hash of its From, Date and Message-ID; a bounce has to quote one of ours.",
      ),
      hash_date: flag(true, "The bounced mail is not older than max_hash_age_days."),
      reject_all: flag(false, "The earlier name of [reject] all_bounces."),
    },
    reject: {
      single_recipient: flag(true, "Refuse bounces to more than one recipient."),
      empty_return_path: flag(false, "Refuse bounces with a Return-Path that names somebody."),
      bad_rcpt: flag(true, "Refuse recipients listed in bounce_bad_rcpt."),
      bounce_spf: flag(false, "Refuse bounces of mail that SPF knows nobody of."),
      non_local_msgid: flag(false, "Refuse bounces of mail without a Message-ID."),
      all_bounces: flag(false, "Refuse every bounce. Nobody then hears of mail that was not delivered."),
      hash_validation: flag(false, "Refuse bounces of mail that does not carry our hash."),
      hash_date: flag(false, "Refuse bounces of mail that is too old."),
    },
    skip: {
      remaining_plugins: flag(false, "A bounce with our hash is taken at once: later plugins do not look at it."),
    },
    validation: {
      max_hash_age_days: { type: "integer", default: 6, min: 0, about: "Whole days for which the hash is good." },
      hash_algorithm: { type: "text", default: "sha256", about: "The hash: sha1, sha256, sha384 or sha512." },
      secret: {
        type: "optional-text",
        about: "The key of the hash, 32 characters or more; the same on all servers of a site.",
      },
    },
  },
});
export type BounceSettings = Settings<typeof BOUNCE_INI.shape>;

/** Whether a check is made: asked for, or needed for a refusal. */
export function makes(
  { check, reject }: BounceSettings,
  name: Exclude<keyof BounceSettings["check"], "reject_all">,
): boolean {
  return check[name] || reject[name];
}
