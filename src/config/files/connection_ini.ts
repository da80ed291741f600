/** connection.ini: limits, texts and manners of a session (spec 01 §3.2). */
import { fileShape } from "../shape.ts";

export const CONNECTION_INI = fileShape({
  file: "connection.ini",
  about: "Limits, texts and manners of a session. A change counts for the sessions that begin after it.",
  shape: {
    main: {
      spool_dir: {
        type: "optional-text",
        about:
          "Passed over: a large message streams into the queue's directory (body/), where it stays when it is queued, so that it is written once.",
      },
      spool_after: {
        type: "integer",
        default: 1_048_576,
        min: -1,
        about: "Octets of a message that are kept in memory; what is larger goes to a file. -1: never, 0: always.",
      },
      strict_rfc1869: {
        type: "boolean",
        default: false,
        about: "No tolerance for stray blanks and missing brackets in MAIL and RCPT, but from clients that may relay.",
      },
      postel: {
        type: "boolean",
        default: false,
        about: "Read for Haraka's files: addresses beyond the lengths of RFC 5321 are refused all the same.",
      },
      smtputf8: { type: "boolean", default: true, about: "Offer SMTPUTF8 (RFC 6531)." },
      long_lines: {
        type: "choice",
        of: ["keep", "break"],
        default: "keep",
        about:
          "Lines of a message beyond data_line_length: kept as they came, so that signatures hold, or broken by CR LF and a blank. Noted either way.",
      },
      bare_lf: {
        type: "choice",
        of: ["refuse", "allow"],
        default: "refuse",
        about: "A line feed without a carriage return inside a message. It never ends a message, whatever stands here.",
      },
      submission_ports: {
        type: "words",
        default: [],
        about: "Ports on which MAIL wants authentication first (RFC 6409), such as 587.",
      },
    },
    haproxy: {
      enabled: { type: "boolean", default: true, about: "Heed hosts. false: nobody is taken for a proxy." },
      hosts: {
        type: "words",
        default: [],
        about:
          "Addresses and networks of proxies. Each of their connections must begin with a PROXY header (version 1 or 2).",
      },
    },
    headers: {
      add_received: { type: "boolean", default: true, about: "Add a Received field." },
      show_version: { type: "boolean", default: true, about: "Name our version in banner and Received." },
      clean_auth_results: {
        type: "boolean",
        default: true,
        about: "Rename Authentication-Results fields that came from outside.",
      },
      max_lines: { type: "integer", default: 1000, min: 0, about: "Lines of header beyond which a warning is logged." },
      max_received: {
        type: "integer",
        default: 100,
        min: 0,
        about: "Received fields beyond which a message counts as looping.",
      },
    },
    max: {
      bytes: { type: "integer", default: 26_214_400, min: 0, about: "Octets of a message; 0 is no limit." },
      mime_parts: { type: "integer", default: 1000, min: 0, about: "MIME parts of a message." },
      line_length: { type: "integer", default: 512, min: 512, about: "Octets of a command line, CRLF included." },
      data_line_length: {
        type: "integer",
        default: 992,
        min: 1,
        about: "Octets of a line of a message, CRLF included. What becomes of longer ones says long_lines.",
      },
      errors: { type: "integer", default: 20, min: 0, about: "Protocol errors after which we hang up; 0 is never." },
      auth_failures: {
        type: "integer",
        default: 3,
        min: 0,
        about: "Failed authentications after which we hang up; 0 is never.",
      },
      recipients: {
        type: "integer",
        default: 1000,
        min: 0,
        about: "Recipients of one message; 0 is no limit. RFC 5321 wants at least 100.",
      },
      messages: { type: "integer", default: 0, min: 0, about: "MAIL commands of one session; 0 is no limit." },
      recipient_domains: {
        type: "integer",
        default: 0,
        min: 0,
        about: "Domains of recipients within one session; 0 is no limit.",
      },
    },
    extensions: {
      dsn: {
        type: "boolean",
        default: true,
        about: "Offer DSN (RFC 3461): senders say of what they want to hear, and get it.",
      },
      requiretls: {
        type: "boolean",
        default: true,
        about:
          "Offer REQUIRETLS (RFC 8689) to clients that speak TLS: mail that goes on over verified TLS or not at all.",
      },
      binarymime: {
        type: "boolean",
        default: true,
        about: "Offer BINARYMIME (RFC 3030): bodies of any octets, by BDAT.",
      },
      mt_priority: {
        type: "boolean",
        default: true,
        about:
          "Offer MT-PRIORITY (RFC 6710). Clients that neither authenticated nor may relay can lower a priority, not raise it.",
      },
      deliverby: {
        type: "boolean",
        default: true,
        about: "Offer DELIVERBY (RFC 2852): mail that is returned, or warned of, when its time is over.",
      },
      deliverby_min: {
        type: "integer",
        default: 0,
        min: 0,
        about: "The least number of seconds a client may give for mail that is returned then; 0 is any.",
      },
      futurerelease: {
        type: "integer",
        default: 0,
        min: 0,
        max: 999_999_999,
        about:
          "Offer FUTURERELEASE (RFC 4865) to clients that may relay: seconds for which mail may be held in the queue; 0 is not at all. " +
          "What was held is delivered by the routes of outbound mail, not by plugins at queue_outbound.",
      },
      limits: {
        type: "boolean",
        default: true,
        about: "List limits of this file in EHLO (RFC 9422).",
      },
    },
    message: {
      greeting: {
        type: "lines",
        default: [],
        about: "Lines of the 220 reply to a new connection; none for the standard one.",
      },
      helo: { type: "text", default: "Kasi is at your service.", about: "End of the reply to HELO and EHLO." },
      close: {
        type: "text",
        default: "closing connection. Have a jolly good day.",
        about: "End of the reply to QUIT.",
      },
    },
    uuid: {
      banner_chars: {
        type: "integer",
        default: 6,
        min: 0,
        max: 40,
        about: "Characters of the session's id that the banner shows.",
      },
      deny_chars: {
        type: "integer",
        default: 0,
        min: 0,
        max: 40,
        about: "Characters of the session's id in front of each refusal.",
      },
    },
  },
});
