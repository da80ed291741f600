/** The settings of the plugin dkim. */
import { fileShape, SIGNED_HEADERS } from "kasi";

export const DKIM_INI = fileShape({
  file: "dkim.ini",
  about: "DKIM (RFC 6376): what leaves is signed, what comes in is verified.",
  shape: {
    sign: {
      enabled: { type: "boolean", default: false, about: "Sign mail that leaves for other servers." },
      selector: { type: "optional-text", about: "Selector of the key dkim.private.key." },
      domain: {
        type: "optional-text",
        about: "Domain that dkim.private.key signs for, where there is no key of the sender's own domain.",
      },
      headers: {
        type: "text",
        default: SIGNED_HEADERS.join(", "),
        about: "Fields to be signed, with commas between them. From always is.",
      },
    },
    canon: {
      body: {
        type: "choice",
        of: ["simple", "relaxed"],
        default: "simple",
        about: "How the body is hashed: octet by octet, or forgiving changes of white space.",
      },
    },
    verify: {
      enabled: { type: "boolean", default: true, about: "Verify the signatures of mail that comes in." },
      allowed_time_skew: {
        type: "integer",
        default: 0,
        min: 0,
        about: "Seconds that signers' clocks may differ from ours.",
      },
      sigerror_log_level: {
        type: "choice",
        of: ["debug", "info", "notice", "warn", "error"],
        default: "debug",
        about: "Level at which a signature that cannot be judged is logged.",
      },
      timeout: {
        type: "number",
        default: 29,
        min: 1,
        about: "Seconds that verifying may take; after that the mail goes on without it.",
      },
    },
  },
});
