import assert from "node:assert/strict";
import { QueueError } from "../../src/queue/queue_error.ts";
import { test } from "../kit/test.ts";

test("a full disk and a used-up quota are told from other faults", () => {
  for (
    const error of [
      Object.assign(new Error("x"), { code: "ENOSPC" }),
      new Error("No space left on device (os error 28)"),
      new Error("Disk quota exceeded"),
    ]
  ) {
    const made = QueueError.of(error, "write");
    assert.equal(made.fault, "disk-full");
    assert.equal(made.cause, error);
  }
  for (const error of [new Error("Input/output error (os error 5)"), "odd", null]) {
    assert.equal(QueueError.of(error, "write").fault, "disk-fault");
  }
});

test("an error of ours passes through", () => {
  const error = new QueueError("stopped", "x");
  assert.equal(QueueError.of(error, "write"), error);
});
