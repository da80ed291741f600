import assert from "node:assert/strict";
import { commandsFor } from "../../src/delivery/envelope.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { parseCapabilities } from "../../src/wire/capabilities.ts";
import { test } from "../kit/test.ts";

const offers = (...keywords: string[]) => parseCapabilities({ code: 250, text: ["peer", ...keywords] });
const rcpt = (...all: string[]) => all.map((text) => ({ address: parseAddress(`<${text}>`)!, parameters: new Map() }));
const envelope = (from: string, smtpUtf8 = false) => ({
  id: "E",
  sender: parseAddress(from)!,
  recipients: [],
  notes: {},
  smtpUtf8,
});

test("MAIL carries the parameters that the peer offers and the mail needs", () => {
  const mail = (from: string, eightBit: boolean, smtpUtf8: boolean, ...keywords: string[]) => {
    const found = commandsFor(
      envelope(from, smtpUtf8),
      rcpt("b@x.example"),
      { size: 7, eightBit },
      offers(...keywords),
      0,
    );
    return "mail" in found ? found.mail : found.finding.kind;
  };
  const all = ["SIZE 100", "8BITMIME", "SMTPUTF8"];
  assert.equal(mail("<a@x.example>", false, false, ...all), "MAIL FROM:<a@x.example> SIZE=7\r\n");
  assert.equal(mail("<>", true, false, ...all), "MAIL FROM:<> SIZE=7 BODY=8BITMIME\r\n");
  assert.equal(mail("<a@x.example>", false, true, ...all), "MAIL FROM:<a@x.example> SIZE=7 SMTPUTF8\r\n");
  assert.equal(mail("<a@x.example>", true, true), "MAIL FROM:<a@x.example>\r\n");
  assert.equal(mail("<é@x.example>", false, false, "SMTPUTF8"), "MAIL FROM:<é@x.example> SMTPUTF8\r\n");
  assert.equal(mail("<é@x.example>", false, false), "needs-utf8");
  assert.equal(mail("<a@x.example>", false, false, "SIZE 6"), "too-big");
  assert.equal(mail("<a@x.example>", false, false, "SIZE 0"), "MAIL FROM:<a@x.example> SIZE=7\r\n");
});

test("an address that could break out of its line is never written", () => {
  const evil = { ...parseAddress("<b@x.example>")!, isNull: () => false, toString: () => "<b@x.example>\r\nRSET" };
  const recipients = [{ address: evil as never, parameters: new Map() }, ...rcpt("c@x.example")];
  const found = commandsFor(envelope("<a@x.example>"), recipients, { size: 1, eightBit: false }, offers(), 0);
  assert.deepEqual("rcpt" in found && found.rcpt, [
    { stage: "rcpt", finding: { kind: "unwritable" } },
    "RCPT TO:<c@x.example>\r\n",
  ]);
});
