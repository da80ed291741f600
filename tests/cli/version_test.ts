import assert from "node:assert/strict";
import { commitOf, version } from "../../src/cli/version.ts";
import { captured } from "../kit/captured.ts";
import { test } from "../kit/test.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const from = (files: Record<string, string>) => commitOf((name) => files[name]);

test("version() says name and version in one line", async () => {
  const at = await captured();
  assert.equal(version({}, at), 0);
  assert.match(at.said.join("\n"), /^Kasi — Version: \d+\.\d+\.\d+(?: \(git [0-9a-f]{12}\))?$/);
});

test("commitOf() follows HEAD to a branch, loose or packed, or takes it as it is", () => {
  assert.equal(from({ HEAD: "ref: refs/heads/main\n", "refs/heads/main": `${COMMIT}\n` }), COMMIT);
  assert.equal(
    from({ HEAD: "ref: refs/heads/main\n", "packed-refs": `# packed\n${COMMIT} refs/heads/main\n` }),
    COMMIT,
  );
  assert.equal(from({ HEAD: `${COMMIT}\n` }), COMMIT);
});

test("commitOf() knows no commit without a checkout, of an unborn branch or of a broken one", () => {
  assert.equal(from({}), undefined);
  assert.equal(from({ HEAD: "ref: refs/heads/new\n" }), undefined);
  assert.equal(from({ HEAD: "ref: refs/heads/new\n", "refs/heads/new": "junk" }), undefined);
});
