import assert from "node:assert/strict";
import { AddressFace, addressModule, addressStyle } from "../../../src/hooks/haraka/address.ts";
import { address } from "../../kit/fake_session.ts";
import { test } from "../../kit/test.ts";

test("a source that calls address() wants a method, one that reads it wants a text, one that does both wants both", () => {
  assert.equal(addressStyle("params[0].address()"), "method");
  assert.equal(addressStyle("rcpt?.address?.()"), "method");
  assert.equal(addressStyle("params[0].address.toLowerCase()"), "text");
  assert.equal(addressStyle("list[rcpt.address]; mail.address ()"), "both");
  assert.equal(addressStyle("no word of it"), "method");
});

test("the address is what the style says, and null is null in each", () => {
  const of = (style: "method" | "text" | "both", text = "Joe@Example.COM") =>
    new AddressFace(address(text), style) as any;
  assert.equal(of("method").address(), "Joe@Example.COM");
  assert.equal(of("text").address, "Joe@Example.COM");
  const both = of("both").address;
  assert.equal(both(), "Joe@Example.COM");
  assert.equal(both.toLowerCase(), "joe@example.com");
  assert.equal(`${both}`, "Joe@Example.COM");
  assert.equal(both.length, 15);
  assert.equal(JSON.stringify({ both }), '{"both":"Joe@Example.COM"}');
  for (const style of ["method", "text", "both"] as const) {
    const { host, original_host, user, original } = of(style);
    assert.deepEqual([user, host, original_host, original], ["Joe", "example.com", "Example.COM", "<Joe@Example.COM>"]);
    assert.equal(of(style, "").isNull(), true);
    assert.equal(of(style).isNull(), false);
    assert.equal(of(style, "").format(), "<>");
    assert.equal(of(style).format(true), "<Joe@example.com>");
  }
  assert.equal(of("text", "").address, "");
  assert.equal(of("method", "").address(), "");
});

test("what another library or a plugin made is read back; what is no address is undefined", () => {
  const { Address } = addressModule("method") as { Address: new (...parts: string[]) => AddressFace };
  assert.equal(AddressFace.ours(new Address("<a@b.test>"))?.address, "a@b.test");
  assert.equal(AddressFace.ours(new Address("a", "b.test"))?.address, "a@b.test");
  assert.equal(AddressFace.ours({ user: "a", host: "b.test", toString: () => "<a@b.test>" })?.address, "a@b.test");
  assert.equal(AddressFace.ours({ user: "", host: "" })?.isNull(), true);
  assert.equal(AddressFace.ours("<a@b.test>")?.address, "a@b.test");
  assert.equal(AddressFace.ours(42), undefined);
  assert.throws(() => new Address("a b@@c"), /Invalid address/);
});
