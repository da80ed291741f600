import assert from "node:assert/strict";
import { renderManual } from "../../src/config/manual.ts";
import { fileShape } from "../../src/config/shape.ts";
import { test } from "../kit/test.ts";

test("a page has a table per section, with what a key takes, its default and its old names", () => {
  const page = renderManual(fileShape({
    file: "x.ini",
    about: "For tests.",
    shape: {
      main: {
        a: { type: "choice", of: ["x", "y"], default: "x", about: "One | other.", was: ["b"] },
        c: { type: "optional-text", about: "C." },
      },
      users: { open: true, about: "name = password" },
      "*": { d: { type: "words", default: ["p", "q"], about: "D." } },
    },
  }));
  assert.equal(
    page,
    `# x.ini

For tests.

## [main]

| Key | Takes | Default | Meaning |
|---|---|---|---|
| \`a\` | one of x, y | \`x\` | One \\| other. Formerly \`b\`. |
| \`c\` | a text | – | C. |

## [users]

name = password

## Any other section

| Key | Takes | Default | Meaning |
|---|---|---|---|
| \`d\` | words separated by commas or blanks | \`p, q\` | D. |
`,
  );
});
