import assert from "node:assert/strict";
import { mergeShapes } from "../../src/config/merge_shapes.ts";
import { fileShape } from "../../src/config/shape.ts";
import { test } from "../kit/test.ts";

const part = (key: string, about: string, section = "main") =>
  fileShape({ file: "x.ini", about, shape: { [section]: { [key]: { type: "text", default: "", about } } } });

test("what several readers know of a file is put together; the first one's word counts", () => {
  const merged = mergeShapes([part("a", "1"), part("b", "2"), part("a", "3"), part("c", "4", "other")]).get("x.ini")!;
  assert.equal(merged.about, "1");
  assert.deepEqual(Object.keys(merged.shape), ["main", "other"]);
  assert.deepEqual(Object.entries(merged.shape["main"]!).map(([key, { about }]) => [key, about]).sort(), [["a", "1"], [
    "b",
    "2",
  ]]);
});
