/** outbound.ini (spec 02 §2). */
import { fileShape } from "../shape.ts";

export const OUTBOUND_INI = fileShape({
  file: "outbound.ini",
  about: "Delivery to other servers. Changes count from the next delivery on.",
  shape: {
    main: {
      disabled: { type: "boolean", default: false, about: "Queue, but do not deliver." },
      concurrency_max: { type: "integer", default: 10_000, min: 1, about: "Deliveries at the same time." },
      enable_tls: { type: "boolean", default: true, about: "STARTTLS where it is offered." },
      always_split: { type: "boolean", default: false, about: "Deliver to each recipient on its own." },
      received_header: {
        type: "text",
        default: "Kasi outbound",
        about: "Text of the Received field that queueing adds, or disabled.",
      },
      connect_timeout: { type: "number", default: 30, min: 1, about: "Seconds to wait for a connection." },
      local_mx_ok: { type: "boolean", default: false, about: "Deliver to an MX that is this machine." },
      maxTempFailures: {
        type: "integer",
        default: 13,
        min: 1,
        about: "Old: failed attempts before a bounce; counts while temp_fail_intervals is unset.",
      },
      temp_fail_intervals: {
        type: "optional-text",
        about:
          "Times between attempts, such as 1m, 5m*2, 1h*3; the failure after the last one bounces. none: bounce at once. " +
          "By default twelve times, doubling from 64 seconds.",
      },
      delay_warning: {
        type: "number",
        default: 14_400,
        min: 0,
        about: "Seconds after which a sender is told that mail is still on its way; 0 is never.",
      },
      delay_warning_for: {
        type: "choice",
        of: ["asked", "all"],
        default: "asked",
        about: "Who is told of that: senders who asked for it (NOTIFY=DELAY), or all who did not forbid it.",
      },
      full_report_size: {
        type: "integer",
        default: 65_536,
        min: 0,
        about:
          "Octets up to which a failed message comes back whole to a sender who asked for it (RET=FULL); else its header.",
      },
      idempotency_header: {
        type: "optional-text",
        about:
          "Field by which a client that may relay names a submission, such as Idempotency-Key: the same one again gets the first one's " +
          "250 and is not queued again. It is taken out of the mail. By default none.",
      },
      idempotency_window: {
        type: "number",
        default: 86_400,
        min: 0,
        about: "Seconds for which such names are remembered.",
      },
      idempotency_keys: {
        type: "integer",
        default: 100_000,
        min: 1,
        about: "How many of them are remembered; beyond it the oldest is forgotten.",
      },
      inet_prefer: {
        type: "choice",
        of: ["default", "v4", "v6"],
        default: "default",
        about: "Which addresses of a host to try first.",
      },
    },
  },
});
