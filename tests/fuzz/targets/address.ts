/** An address that was read can be written and read again, and through JSON; its host is what DNS takes unless it says otherwise. */
import assert from "node:assert/strict";
import { utf8Decode } from "../../../src/base/bytes.ts";
import { addressFromJson, parseAddress } from "../../../src/mail/address.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: [
    "<a@example.com>",
    "<>",
    "<Postmaster>",
    '<"a \\"b"@c.d>',
    "<a@[127.0.0.1]>",
    "<gr\u00c3\u00bcn@B\u00c3\u00bccher.de>",
    "<a@\u00ef\u00bc\u0091.\u00ef\u00bc\u0092>",
  ],
  words: ["<", ">", "@", ".", '"', "\\", "[", "]", "xn--", "\u00c3\u00bc", "\u00e3\u0080\u0082", " ", "%", "1.2.3.4"],
  check(input) {
    const address = parseAddress(utf8Decode(input));
    if (address === undefined) return;
    assert.equal(address.host, address.host.toLowerCase());
    if (!address.isUtf8) assert.match(address.host, /^[\x21-\x7e]*$/);
    const text = address.toString();
    assert.doesNotMatch(text, /[\r\n\0]/);
    const back = addressFromJson(JSON.parse(JSON.stringify(address)));
    assert.deepEqual({ ...back }, { ...address });
    // A longer form (A-labels, quotes) may pass the limits of a path; then there is nothing to compare.
    const again = parseAddress(text);
    if (again !== undefined && !address.isUtf8) {
      assert.deepEqual([again.user, again.host], [address.user, address.host]);
    }
  },
} satisfies FuzzTarget;
