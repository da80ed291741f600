/** tls.ini (spec 01 §13.2). */
import { fileShape } from "../shape.ts";
import type { Section } from "../shape.ts";

const VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

const INHERITED = " As in [main] while unset.";

/** What may differ from certificate to certificate. */
const OF_A_CERTIFICATE = {
  ca: { type: "optional-text", about: "PEM file of authorities to trust besides the system's." },
  crl: {
    type: "optional-text",
    about: "PEM file of revoked certificates. Under Node only; under Deno the server does not start with it.",
  },
  pfx: {
    type: "optional-text",
    about: "Key and certificate in one PKCS #12 file: not read; the start says how to make PEM files of it.",
  },
  passphrase: { type: "optional-text", about: "Of the key." },
  dhparam: {
    type: "optional-text",
    about:
      "PEM file of Diffie-Hellman parameters, made when it is missing; by default the runtime's own choice. Under Node.",
  },
  ciphers: { type: "optional-text", about: "Cipher list in OpenSSL's form. Under Node; Deno's TLS has its own." },
  minVersion: {
    type: "choice",
    of: VERSIONS,
    default: "TLSv1.2",
    about: "Oldest protocol version to speak; nothing below TLSv1.2 is.",
  },
  honorCipherOrder: { type: "boolean", default: true, about: "Our order of ciphers counts, not the client's." },
  ecdhCurve: { type: "optional-text", about: "Curves for the key exchange. Under Node." },
  secureProtocol: { type: "optional-text", about: "One protocol version only; old, use minVersion." },
  secureOptions: { type: "optional-text", about: "OpenSSL options, as a number. Under Node." },
  sessionIdContext: { type: "text", default: "kasi", about: "Keeps our sessions apart from those of other servers." },
  ALPNProtocols: { type: "words", default: [], about: "Protocols to offer by ALPN." },
  requestCert: { type: "boolean", default: true, about: "Ask clients for a certificate." },
  rejectUnauthorized: { type: "boolean", default: false, about: "Refuse peers without a verified certificate." },
  requestOCSP: {
    type: "boolean",
    default: false,
    about: "Staple OCSP answers of the responder that the certificate names. Under Node.",
    was: ["enableOCSPStapling"],
  },
} as const satisfies Section;

export const TLS_INI = fileShape({
  file: "tls.ini",
  about:
    "Certificates and manners of TLS, for clients that come in and servers we deliver to. Any other section is named after a certificate and holds what differs for it.",
  shape: {
    main: {
      key: {
        type: "words",
        default: ["tls_key.pem"],
        about: "PEM file of the private key; as many as there are certificates.",
      },
      cert: { type: "words", default: ["tls_cert.pem"], about: "PEM file of the certificate and its chain." },
      ...OF_A_CERTIFICATE,
      requireAuthorized: {
        type: "words",
        default: [],
        about: "Ports on which clients without a verified certificate are refused.",
      },
      mutual_tls: { type: "boolean", default: false, about: "Show our certificate to servers we deliver to." },
      no_starttls_ports: { type: "words", default: [], about: "Local ports on which STARTTLS is not offered." },
      force_tls_hosts: {
        type: "words",
        default: [],
        about: "Hosts, domains and networks that mail goes to over verified TLS only.",
      },
    },
    no_tls_hosts: { open: true, about: "Addresses and networks, one a line, that are not offered STARTTLS." },
    mutual_auth_hosts: {
      open: true,
      about: "Hosts that are shown our certificate: host, or host = name of the certificate.",
    },
    mutual_auth_hosts_exclude: { open: true, about: "Hosts that are never shown our certificate." },
    redis: {
      disable_for_failed_hosts: {
        type: "boolean",
        default: true,
        about:
          "Remember servers whose TLS is broken, and do without it for a while. Written out as true: clients too, which are not offered STARTTLS then (but on port 587).",
      },
      disable_expiry: { type: "number", default: 604_800, min: 0, about: "Seconds to remember it of servers." },
      disable_inbound_expiry: { type: "number", default: 3_600, min: 0, about: "Seconds to remember it of clients." },
      host: {
        type: "optional-text",
        about:
          "Redis server that keeps this list for several of our servers; by default that of the plugin redis, where it is in use.",
        was: ["ip"],
      },
      port: { type: "integer", default: 6379, min: 1, max: 65_535, about: "Its port." },
      db: { type: "optional-text", about: "Its database.", was: ["database"] },
      password: { type: "optional-text", about: "Its password." },
    },
    outbound: {
      key: { type: "words", default: [], about: "PEM file of the key to show." + INHERITED },
      cert: { type: "words", default: [], about: "PEM file of the certificate to show." + INHERITED },
      ca: { type: "optional-text", about: "PEM file of authorities to trust besides the system's." + INHERITED },
      dhparam: { type: "optional-text", about: "Diffie-Hellman parameters." + INHERITED },
      ciphers: { type: "optional-text", about: "Cipher list." + INHERITED },
      minVersion: { type: "choice", of: VERSIONS, default: "TLSv1.2", about: "Oldest protocol version." + INHERITED },
      requestCert: { type: "boolean", default: true, about: "Has no meaning for a client; read for old files' sake." },
      honorCipherOrder: {
        type: "boolean",
        default: true,
        about: "Has no meaning for a client; read for old files' sake.",
      },
      rejectUnauthorized: {
        type: "boolean",
        default: false,
        about: "Deliver to servers with a verified certificate only." + INHERITED,
      },
      no_tls_hosts: { type: "words", default: [], about: "Hosts, domains and networks never to try TLS with." },
      force_tls_hosts: {
        type: "words",
        default: [],
        about: "Hosts, domains and networks that TLS must hold for." + INHERITED,
      },
    },
    "*": {
      key: { type: "words", default: [], about: "PEM file of the private key." },
      cert: { type: "words", default: [], about: "PEM file of the certificate." },
      ...OF_A_CERTIFICATE,
    },
  },
});
