import assert from "node:assert/strict";
import { makeBanner, placeBanner } from "../../src/mail/banner.ts";
import { test } from "../kit/test.ts";

function put(text: string, type: "text/plain" | "text/html", banner = makeBanner("Bye <all>\nthere")): string {
  const place = placeBanner(text, type, banner)!;
  return text.slice(0, place.at) + place.text + text.slice(place.at);
}

test("a plain text gets its banner behind an empty line, whether it ends with a line end or not", () => {
  assert.equal(put("hi\r\n", "text/plain"), "hi\r\n\r\nBye <all>\r\nthere\r\n");
  assert.equal(put("hi", "text/plain"), "hi\r\n\r\nBye <all>\r\nthere\r\n");
  assert.equal(put("", "text/plain"), "\r\nBye <all>\r\nthere\r\n");
});

test("HTML gets it in front of the last </body> that counts, else </html>, else at its end", () => {
  const html = "<P>Bye &lt;all&gt;<br/>\r\nthere</P>\r\n";
  assert.equal(put("<body>x</BODY ></html>", "text/html"), `<body>x${html}</BODY ></html>`);
  assert.equal(put("x</html>", "text/html"), `x${html}</html>`);
  assert.equal(put("x", "text/html"), `x${html}`);
  assert.equal(put("a</body><!-- </body> -->", "text/html"), `a${html}</body><!-- </body> -->`);
  assert.equal(put("a</body><script>'</body>'</script>", "text/html"), `a${html}</body><script>'</body>'</script>`);
  assert.equal(put("x</body>", "text/html", makeBanner("t", "<i>own</i>")), "x<P><i>own</i></P>\r\n</body>");
});

test("what PGP has signed or sealed is left alone", () => {
  for (const kind of ["SIGNED MESSAGE", "MESSAGE"]) {
    assert.equal(placeBanner(`-----BEGIN PGP ${kind}-----\r\n`, "text/plain", makeBanner("x")), undefined);
  }
});

test("a text made to be slow is not", () => {
  const before = performance.now();
  for (const piece of ["<!--", "</body ", "<script ", "</"]) {
    placeBanner(piece.repeat(500_000), "text/html", makeBanner("x"));
  }
  assert.ok(performance.now() - before < 5000);
});
