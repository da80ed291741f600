import assert from "node:assert/strict";
import { parseData, parseList, parseValue } from "../../src/config/lines.ts";
import { test } from "../kit/test.ts";

test("data keeps every line but for its end", () => {
  assert.deepEqual(parseData("\uFEFFa\r\n # b\n\n c \n"), ["a", " # b", "", " c "]);
  assert.deepEqual([parseData(""), parseData("\n"), parseData("a")], [[], [""], ["a"]]);
});

test("a list drops blanks and comments; a value is its first line", () => {
  assert.deepEqual(parseList("# a\n b \n\n;c\nd # e\n"), ["b", "d # e"]);
  assert.deepEqual([parseValue("\n#x\n y \nz"), parseValue("# x\n")], ["y", undefined]);
});
