/**
 * A bag of made-up mail as a server on the internet sees it, the same for the same seed: letters in many languages and charsets, attachments, forwards,
 * replies, invitations, bounces, lists, newsletters, spam and broken messages, each with its client and its envelope.
 *
 * {@linkcode MAIL_ZONE} is what the DNS says of all of them; the server's own domain is `kasi.test`.
 */
import { type Bytes, concat, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { createRandom, type Random } from "../fuzz/random.ts";
import { breakIt } from "./mailbag_broken.ts";
import { CLIENTS, type MailClient } from "./mailbag_zone.ts";
import {
  attachment,
  type Entity,
  entity,
  field,
  FILES,
  html,
  letterText,
  mailboxOf,
  multipart,
  serialize,
  textPart,
  word,
} from "./mailbag_parts.ts";
import { LANGUAGES } from "./mail_words.ts";

export interface MadeMail {
  readonly kind: MailKind;
  readonly client: MailClient;
  /** Without brackets; "" for a bounce. */
  readonly from: string;
  readonly to: readonly string[];
  /** As the client has it: lines end in CRLF, dots are not doubled. */
  readonly octets: Bytes;
}

/** A kind → how many of a hundred messages. */
const SHARES = {
  letter: 17,
  "letter with two bodies": 12,
  "letter with pictures": 5,
  "letter with attachments": 10,
  reply: 6,
  invitation: 3,
  forward: 5,
  "bounce of our mail": 3,
  "bounce of a stranger's mail": 3,
  "automatic reply": 2,
  "list mail": 6,
  newsletter: 5,
  spam: 8,
  broken: 10,
  "mail from inside": 5,
} as const;
export type MailKind = keyof typeof SHARES;
export const KINDS = Object.keys(SHARES) as MailKind[];

/** What a letter is before it has its envelope; what is not said is the ordinary. */
interface Draft {
  readonly body: Entity;
  readonly client?: MailClient;
  readonly from?: string;
  readonly to?: readonly string[];
  /** Fields besides From, To, Subject, Date, Message-ID and MIME-Version, or in their places. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly spoil?: (octets: Bytes, random: Random) => Bytes;
}

/** Who reads mail at ours. */
export const OURS: readonly string[] = ["ann@kasi.test", "ben@kasi.test", "office@kasi.test", "chipo.moyo@kasi.test"];
/** Moments at which the letters were written begin here. */
const WRITTEN = Date.UTC(2025, 11, 20);

export function mailbag(count: number, seed: number): MadeMail[] {
  const random = createRandom(seed);
  const lots = KINDS.flatMap((kind) => Array.from({ length: SHARES[kind] }, () => kind));
  const made = new Map<MailKind, number>();
  return Array.from({ length: count }, (_, i) => {
    const kind = random.pick(lots);
    const nth = made.get(kind) ?? 0;
    made.set(kind, nth + 1);
    return make(kind, i, random, nth);
  });
}

/** `nth`: how many of the kind there were before. */
function make(kind: MailKind, number: number, random: Random, nth: number): MadeMail {
  const language = random.pick(LANGUAGES);
  const draft = DRAFTS[kind](random, language, number, nth);
  const client = draft.client ?? random.pick(CLIENTS.good);
  const from = draft.from ?? `${word(random)}@${client.domain}`;
  const to = draft.to ?? [random.pick(OURS)];
  const given = new Map((draft.fields ?? []).map(([name, value]) => [name, value]));
  const charset = random.pick(language.charsets);
  const ordinary: [string, string][] = [
    [
      "Received",
      `from ${client.helo} (${client.helo} [${client.ip}])\r\n\tby mx.${client.domain} with ESMTP id ${number}; ${
        dateOf(number)
      }`,
    ],
    ["From", mailboxOf(language.writer, from || `MAILER-DAEMON@${client.domain}`, charset, random)],
    ["To", to.map((address) => `<${address}>`).join(",\r\n ")],
    ["Subject", field(random.pick(language.subjects), charset, random)],
    ["Date", dateOf(number)],
    ["Message-ID", `<${number}.${random.below(1e9)}@${client.domain}>`],
    ["MIME-Version", "1.0"],
  ];
  const fields = [
    ...ordinary.map(([name, value]) => [name, given.get(name) ?? value] as const),
    ...(draft.fields ?? []).filter(([name]) => !ordinary.some(([known]) => known === name)),
  ];
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const whole = concat([utf8Encode(head), serialize(draft.body)]);
  return { kind, client, from, to, octets: draft.spoil?.(whole, random) ?? whole };
}

/** RFC 5322 §3.3, some hours apart, in the zones people live in. */
function dateOf(number: number): string {
  const at = new Date(WRITTEN + number * 617_000);
  const zone = ["+0000", "+0300", "-0500", "+0530", "+0900"][number % 5]!;
  return `${at.toUTCString().replace(/GMT$/, zone)}`;
}

type Maker = (random: Random, language: typeof LANGUAGES[number], number: number, nth: number) => Draft;

const DRAFTS: { readonly [K in MailKind]: Maker } = {
  letter: (random, language) => ({ body: textPart(letterText(language, random), language, random) }),

  "letter with two bodies": (random, language) => ({ body: alternative(random, language) }),

  "letter with pictures": (random, language) => ({
    body: multipart("related", random, [
      alternative(random, language, `<img src="cid:logo@local" alt="">`),
      {
        ...attachment(FILES.png!, "logo", random),
        head: `${attachment(FILES.png!, "logo", random).head}Content-ID: <logo@local>\r\n`,
      },
    ]),
  }),

  "letter with attachments": (random, language) => {
    const files = Object.values(FILES);
    const parts = Array.from(
      { length: 1 + random.below(3) },
      () => attachment(random.pick(files), language.file, random),
    );
    return { body: multipart("mixed", random, [alternative(random, language), ...parts]) };
  },

  reply: (random, language) => {
    const text = letterText(language, random);
    const quoted = text.split("\r\n").map((line) => `> ${line}`).join("\r\n");
    return {
      fields: [["In-Reply-To", "<before@kasi.test>"], ["References", "<first@kasi.test>\r\n <before@kasi.test>"]],
      body: textPart(`${text}\r\n${quoted}`, language, random),
    };
  },

  invitation: (random, language, number) => {
    const event = ["BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VEVENT", `UID:${number}@cal.test`];
    const lines = [...event, "DTSTART:20260105T090000Z", "DTEND:20260105T100000Z", `SUMMARY:${language.subjects[0]}`];
    const calendar = entity(
      "text/calendar; charset=UTF-8; method=REQUEST",
      `${[...lines, "END:VEVENT", "END:VCALENDAR", ""].join("\r\n")}`,
      "base64",
    );
    const body = textPart(letterText(language, random), language, random);
    return { body: multipart("mixed", random, [multipart("alternative", random, [body, calendar]), calendar]) };
  },

  forward: (random, language, number) => {
    const inner = make(random.pick(["letter", "letter with two bodies", "newsletter"]), number + 5000, random, 0);
    const attached = {
      head: "Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n",
      body: inner.octets,
    };
    return { body: multipart("mixed", random, [textPart(letterText(language, random), language, random), attached]) };
  },

  "bounce of our mail": (random) => report(random, "ann@kasi.test", "kasi.test"),

  "bounce of a stranger's mail": (random) => ({
    ...report(random, "stranger@elsewhere.test", "elsewhere.test"),
    to: random.below(3) === 0 ? [OURS[0]!, OURS[1]!] : [OURS[0]!],
  }),

  "automatic reply": (random, language) => ({
    from: "",
    fields: [["Auto-Submitted", "auto-replied"], ["X-Auto-Response-Suppress", "All"], ["Precedence", "bulk"]],
    body: textPart(letterText(language, random), language, random),
  }),

  "list mail": (random, language) => ({
    client: CLIENTS.list,
    from: `talk-bounces+ann=kasi.test@${CLIENTS.list.domain}`,
    fields: [
      ["From", mailboxOf(language.writer, `${word(random)}@${random.pick(CLIENTS.good).domain}`, "UTF-8", random)],
      ["To", "talk@lists.test"],
      ["Sender", "talk-bounces@lists.test"],
      ["List-Id", "Talk of the town <talk.lists.test>"],
      ["List-Unsubscribe", "<mailto:talk-leave@lists.test>"],
      ["Precedence", "list"],
    ],
    body: multipart("mixed", random, [
      textPart(letterText(language, random), language, random),
      entity("text/plain; charset=us-ascii", "-- \r\nTalk mailing list\r\nhttps://lists.test/talk\r\n", "7bit"),
    ]),
  }),

  newsletter: (random, language) => ({
    client: CLIENTS.bulk,
    from: `bounce-${random.below(1e6)}@${CLIENTS.bulk.domain}`,
    fields: [
      ["From", `"News" <news@${CLIENTS.bulk.domain}>`],
      ["List-Unsubscribe", `<https://${CLIENTS.bulk.domain}/leave>`],
      ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
    ],
    body: multipart("alternative", random, [
      textPart(letterText(language, random), language, random),
      html(
        Array.from(
          { length: 12 + random.below(12) },
          (_, i) =>
            `<tr><td style="padding:8px"><a href="https://${CLIENTS.bulk.domain}/r/${i}?u=${random.below(1e6)}">${
              random.pick(language.sentences)
            }</a></td></tr>`,
        ).join("\r\n"),
        random,
      ),
    ]),
  }),

  spam: (random, language, _number, nth) => SPAM[nth % SPAM.length]!(random, language),

  broken: (random, language, _number, nth) => {
    const body = random.below(2) === 0
      ? alternative(random, language)
      : textPart(letterText(language, random), language, random);
    return {
      body,
      client: random.pick([random.pick(CLIENTS.good), CLIENTS.nameless]),
      spoil: (octets, random) => breakIt(octets, random, nth),
    };
  },

  "mail from inside": (random, language) => ({
    client: CLIENTS.inside,
    from: random.pick(OURS),
    to: random.pick([[`${word(random)}@${random.pick(CLIENTS.good).domain}`], ["far@lists.test", "ben@kasi.test"]]),
    body: alternative(random, language),
  }),
};

const SPAM: readonly ((random: Random, language: typeof LANGUAGES[number]) => Draft)[] = [
  // A link to a place that lists know, from a place they know as well.
  (random) => ({
    client: CLIENTS.spammer,
    fields: [["Subject", "WINNER!!! CLAIM YOUR PRIZE"]],
    body: html(
      `<p>Dear friend, <a href="http://prize.spam.test/${random.below(1e6)}">claim here</a> before midnight.</p>`,
      random,
    ),
  }),
  // A bank's name in front of another address.
  (random) => ({
    client: CLIENTS.nameless,
    fields: [
      ["From", `"service@bank.test" <x${random.below(1e4)}@${CLIENTS.nameless.domain}>`],
      ["Reply-To", "collect@elsewhere.test"],
      ["Subject", "Your account is locked"],
    ],
    body: html(`<a href="http://192.0.2.66/login">https://bank.test/login</a>`, random),
  }),
  // A program that calls itself an invoice.
  (random, language) => ({
    client: CLIENTS.spammer,
    fields: [["Subject", "Invoice"]],
    body: multipart("mixed", random, [
      textPart(letterText(language, random), language, random),
      attachment(
        { type: "application/octet-stream", extension: "pdf.exe", octets: latin1Encode(`MZ${"\0".repeat(2000)}`) },
        "invoice",
        random,
      ),
    ]),
  }),
  // In a bank's name, which says who may send for it.
  (random, language) => ({
    client: CLIENTS.spammer,
    from: "service@bank.test",
    body: textPart(letterText(language, random), language, random),
  }),
  // From a domain that is none.
  (random, language) => ({
    client: CLIENTS.nameless,
    from: "someone@nowhere.invalid",
    body: textPart(letterText(language, random), language, random),
  }),
  // To somebody, to nobody, and to somebody elsewhere.
  (random, language) => ({
    client: CLIENTS.spammer,
    to: ["ann@kasi.test", "nobody@kasi.test", "ann@elsewhere.test"],
    body: textPart(letterText(language, random), language, random),
  }),
];

function alternative(random: Random, language: typeof LANGUAGES[number], more = ""): Entity {
  const text = letterText(language, random);
  const paragraphs = text.split("\r\n").map((line) => `<p>${line}</p>`).join("\r\n");
  return multipart("alternative", random, [textPart(text, language, random), html(paragraphs + more, random)]);
}

/** RFC 3462, with the header of what came back. */
function report(random: Random, author: string, domain: string): Draft {
  const said = entity(
    "text/plain; charset=us-ascii",
    "Your message could not be delivered to one recipient.\r\n",
    "7bit",
  );
  const status = entity(
    "message/delivery-status",
    `Reporting-MTA: dns; mx.good.test\r\n\r\nFinal-Recipient: rfc822; gone@good.test\r\nAction: failed\r\nStatus: 5.1.1\r\n`,
    "7bit",
  );
  const returned = entity(
    "message/rfc822",
    `Received: from mail.${domain} ([192.0.2.77]) by mx.good.test; ${
      dateOf(1)
    }\r\nFrom: ${author}\r\nTo: gone@good.test\r\n` +
      `Subject: Hello\r\nMessage-ID: <${random.below(1e6)}@${domain}>\r\nDate: ${dateOf(0)}\r\n\r\nAre you there?\r\n`,
    "7bit",
  );
  return {
    from: "",
    to: ["ann@kasi.test"],
    fields: [["Subject", "Undelivered Mail Returned to Sender"], ["Auto-Submitted", "auto-replied"]],
    body: multipart("report; report-type=delivery-status", random, [said, status, returned]),
  };
}
