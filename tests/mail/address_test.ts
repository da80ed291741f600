import assert from "node:assert/strict";
import { addressFromJson, makeAddress, NULL_ADDRESS, parseAddress, toAscii } from "../../src/mail/address.ts";
import { test } from "../kit/test.ts";

test("[row 155] an address keeps what was typed and gives its host in lower case", () => {
  const address = parseAddress("<Matt@Example.COM>")!;
  assert.equal(address.original, "Matt@Example.COM");
  assert.equal(address.user, "Matt");
  assert.equal(address.host, "example.com");
  assert.equal(address.originalHost, "Example.COM");
  assert.equal(address.address, "Matt@example.com");
  assert.equal(`${address}`, "<Matt@example.com>");
  assert.equal(address.format({ utf8: true }), "<Matt@Example.COM>");
  assert.equal(address.isNull(), false);
  assert.equal(parseAddress("Matt@Example.COM")!.toString(), "<Matt@example.com>");
});

test("[row 155] the null path and postmaster have no host", () => {
  for (const text of ["<>", ""]) {
    const address = parseAddress(text)!;
    assert.equal(address.isNull(), true);
    assert.equal(address.toString(), "<>");
    assert.equal(address.address, "");
  }
  const postmaster = parseAddress("<Postmaster>")!;
  assert.equal(postmaster.isNull(), false);
  assert.equal(postmaster.host, "");
  assert.equal(postmaster.toString(), "<Postmaster>");
});

test("[row 155] a local part is quoted again where it must be", () => {
  const address = parseAddress('<"a b\\"c"@x.org>')!;
  assert.equal(address.user, 'a b"c');
  assert.equal(address.toString(), '<"a b\\"c"@x.org>');
  assert.equal(parseAddress('<"plain"@x.org>')!.toString(), "<plain@x.org>");
  assert.equal(parseAddress("<a@[127.0.0.1]>")!.host, "[127.0.0.1]");
});

test("[row 155] an international domain goes out in A-labels, an international name only with SMTPUTF8", () => {
  const domain = parseAddress("<u@Bücher.example>")!;
  assert.equal(domain.host, "xn--bcher-kva.example");
  assert.equal(domain.isUtf8, false);
  assert.equal(domain.toString(), "<u@xn--bcher-kva.example>");
  assert.equal(domain.format({ utf8: true }), "<u@Bücher.example>");
  const name = parseAddress("<ü@bücher.example>")!;
  assert.equal(name.isUtf8, true);
  assert.equal(name.toString(), "<ü@xn--bcher-kva.example>");
});

test("a name that the URL parser would take for something else has no A-labels", () => {
  assert.equal(toAscii("EXAMPLE.org"), "example.org");
  assert.equal(toAscii("１.２.３.４"), undefined);
  assert.equal(toAscii("ü/x"), undefined);
  assert.equal(toAscii("a@ü"), undefined);
  const address = makeAddress({ original: "a@１.２.３.４", user: "a", host: "１.２.３.４", isUtf8: true });
  assert.equal(address.host, "１.２.３.４");
  assert.equal(address.isUtf8, true);
});

test("[row 155] what is no path is undefined", () => {
  for (const text of ["<a@b", "a b@c", "<a@b@c>", "@", "<a@>"]) assert.equal(parseAddress(text), undefined, text);
});

test("[row 155] an address comes back from its JSON, Haraka's too", () => {
  for (const text of ["<a@B.org>", "<>", "<postmaster>", '<"x y"@z.org>', "<ü@bücher.de>", "<a@[::1]>"]) {
    const address = parseAddress(text);
    if (address === undefined) continue;
    const back = addressFromJson(JSON.parse(JSON.stringify(address)))!;
    assert.deepEqual({ ...back }, { ...address }, text);
  }
  const haraka = addressFromJson({
    original: "<User@Host.ORG>",
    original_host: "Host.ORG",
    host: "host.org",
    user: "User",
  })!;
  assert.equal(haraka.toString(), "<User@host.org>");
  assert.equal(haraka.original, "User@Host.ORG");
  assert.equal(addressFromJson({ original: '"a b"@h', user: '"a b"', host: "h" })!.user, "a b");
  assert.equal(addressFromJson({ original: "<>", user: "", host: "" }), NULL_ADDRESS);
  for (const value of [null, 1, "a@b", {}, { user: "a" }]) assert.equal(addressFromJson(value), undefined);
});

test("[row 155] what Haraka gives as methods: the address reads as text, format() writes it, and lengths are limited", () => {
  const address = parseAddress("<a@B.org>")!;
  assert.equal(typeof address.address, "string");
  assert.equal(address.address, "a@b.org");
  assert.equal(address.format(), "<a@b.org>");
  assert.equal(String(address), "<a@b.org>");
  assert.equal(parseAddress("<>")!.format(), "<>");
  assert.equal(parseAddress(`<${"l".repeat(64)}@b.org>`)?.user.length, 64);
  assert.equal(parseAddress(`<${"l".repeat(65)}@b.org>`), undefined);
  assert.equal(parseAddress(`<a@${"d.".repeat(128)}org>`), undefined);
});
