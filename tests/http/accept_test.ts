import assert from "node:assert/strict";
import { preferred } from "../../src/http/accept.ts";
import { test } from "../kit/test.ts";

const OFFERS = ["text/html", "application/json", "text/plain"] as const;
const CASES: readonly (readonly [string | null, string | undefined])[] = [
  [null, "text/html"],
  ["", "text/html"],
  ["*/*", "text/html"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"],
  ["application/json", "application/json"],
  ["Application/JSON; charset=utf-8", "application/json"],
  ["application/json, text/plain, */*", "text/html"],
  ["application/json, */*;q=0.1", "application/json"],
  ["text/html;q=0.2, text/*;q=0.5", "text/plain"],
  ["text/html;q=0, */*", "application/json"],
  ["text/plain", "text/plain"],
  ["image/png", undefined],
  ["text/html;q=nonsense", undefined],
  ["*/*;q=0", undefined],
];

test("the type that the client likes best is chosen, ours among equals", () => {
  for (const [accept, wanted] of CASES) assert.equal(preferred(accept, OFFERS), wanted, String(accept));
});
