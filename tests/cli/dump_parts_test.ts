import assert from "node:assert/strict";
import { dumpParts } from "../../src/cli/dump_parts.ts";
import { message } from "../kit/mod.ts";
import { test } from "../kit/test.ts";

test("each part is shown with type, name and decoded text", async () => {
  const text = await dumpParts(message(
    "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n" +
      'gr=FC=DFe\n--x\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"\n\nPDF\n--x--\n',
  ));
  assert.deepEqual(text.split("\n").slice(0, 4), [
    "multipart/mixed",
    "  text/plain; charset=iso-8859-1",
    "    | grüße",
    '  application/pdf "a.pdf", an attachment',
  ]);
});
