/** headers.ini: the checks of the plugin `headers`, and the names that impostors like. */
import { fileShape } from "kasi";

/** Name of a check → what it looks for. The order is the one they run in. */
export const CHECKS = {
  duplicate_singular: "a header of `singular` that stands there twice",
  missing_required: "a header of `required` that is missing",
  invalid_return_path: "Return-Path in mail that goes out; on mail that comes in it is taken off",
  invalid_date: "a Date that is none, or too far off",
  user_agent: "the header of a mail program",
  direct_to_mx: "mail that has passed no server of its sender",
  from_match: "a From that is not the envelope's sender",
  delivered_to: "Delivered-To with the address of a recipient",
  mailing_list: "the marks of a mailing list",
  from_phish: "a From that names a brand and comes from elsewhere",
} as const;
export type Check = keyof typeof CHECKS;

const NEVER_REFUSING: readonly Check[] = ["user_agent", "direct_to_mx", "from_match", "mailing_list"];

type Switch = { readonly type: "boolean"; readonly default: boolean; readonly about: string };
function switches(make: (check: Check, what: string) => Switch): { readonly [C in Check]: Switch } {
  const made = Object.entries(CHECKS).map(([check, what]) => [check, make(check as Check, what)]);
  return Object.fromEntries(made) as { readonly [C in Check]: Switch };
}

export const HEADERS_INI = fileShape({
  file: "headers.ini",
  about: "Which checks of a message's header are made, and which of them refuse.",
  shape: {
    main: {
      required: { type: "words", default: ["From", "Date"], about: "Headers that must be there (RFC 5322 §3.6)." },
      singular: {
        type: "words",
        default: [
          "Date",
          "From",
          "Sender",
          "Reply-To",
          "To",
          "Cc",
          "Bcc",
          "Message-Id",
          "In-Reply-To",
          "References",
          "Subject",
        ],
        about: "Headers that may stand there once (RFC 5322 §3.6).",
      },
      date_future_days: {
        type: "number",
        default: 2,
        min: 0,
        about: "So many days a Date may lie ahead; 0: any number.",
      },
      date_past_days: {
        type: "number",
        default: 15,
        min: 0,
        about: "So many days a Date may lie back; 0: any number.",
      },
    },
    check: switches((_, what) => ({ type: "boolean", default: true, about: `Look for ${what}.` })),
    reject: switches((check, what) => ({
      type: "boolean",
      default: check === "delivered_to",
      about: NEVER_REFUSING.includes(check) ? "Without effect: this check never refuses." : `Refuse ${what}.`,
    })),
    phish_targets: {
      open: true,
      about:
        "brand = domain: From may name the brand when it comes from the domain. Adds to those built in; an empty domain takes one out.",
    },
    phish_domains: { open: true, about: "Domains by themselves: From may name one only when it comes from there." },
  },
});

/** Brand → its domain. */
export const BRANDS: { readonly [brand: string]: string } = {
  aaa: "aaa.com",
  aarp: "aarp.org",
  adt: "adt.com",
  aetna: "aetna.com",
  amazon: "amazon.com",
  apple: "apple.com",
  bankofamerica: "bankofamerica.com",
  bcbs: "bcbs.com",
  bestbuy: "bestbuy.com",
  bluecross: "bluecross.com",
  blueshield: "blueshield.com",
  chase: "chase.com",
  cigna: "cigna.com",
  citibank: "citibank.com",
  costco: "costco.com",
  dhl: "dhl.com",
  ebay: "ebay.com",
  fedex: "fedex.com",
  homedepot: "homedepot.com",
  mariott: "marriott.com",
  marriott: "marriott.com",
  microsoft: "microsoft.com",
  paypal: "paypal.com",
  target: "target.com",
  uhc: "uhc.com",
  unitedhealthcare: "uhc.com",
  usps: "usps.com",
  walmart: "walmart.com",
  wellsfargo: "wellsfargo.com",
};
