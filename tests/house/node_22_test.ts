/** Names that came into the language after Node 22, whose JavaScript is the oldest we run on: a module that uses one breaks there alone, where no test runs. */
import assert from "node:assert/strict";
import { test } from "../kit/test.ts";
import { readSource, sourceFiles } from "./source_files.ts";

const TOO_NEW: readonly RegExp[] = [
  /\bRegExp\.escape\b/,
  /\bPromise\.try\b/,
  /\bError\.isError\b/,
  /\bMath\.(?:f16round|sumPrecise)\b/,
  /\bFloat16Array\b/,
  /\bUint8Array\.from(?:Base64|Hex)\b/,
  /\.(?:setFromBase64|setFromHex|toBase64|toHex)\(\)/,
  /\bIterator\.(?:concat|zip)\b/,
  /\bIntl\.DurationFormat\b/,
  /\.getOrInsert(?:Computed)?\(/,
  /\bAtomics\.pause\b/,
  /\(\?[ims]*-?[ims]+:/,
  /\b(?:await )?using \w+ =/,
];

test("nothing is used that Node 22 does not have", () => {
  const found = sourceFiles("src", "plugins", "mod.ts").flatMap((file) => {
    const lines = readSource(file).split("\n");
    return lines.flatMap((line, i) =>
      TOO_NEW.some((name) => name.test(line)) ? [`${file}:${i + 1}: ${line.trim()}`] : []
    );
  });
  assert.deepEqual(found, []);
});
