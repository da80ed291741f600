import assert from "node:assert/strict";
import { MaildirWriter, UnixLines } from "../../../plugins/queue/maildir_writer.ts";
import { message } from "../../kit/fake_session.ts";
import { memoryMachine } from "../../kit/memory_host.ts";
import { test } from "../../kit/test.ts";

test("CRLF becomes LF wherever the chunks are cut, and a CR on its own stays", () => {
  const text = "a\r\nb\rc\r\r\n\n\r\n\r";
  const bytes = new TextEncoder().encode(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    for (let second = cut; second <= bytes.length; second++) {
      const unix = new UnixLines();
      const parts = [bytes.subarray(0, cut), bytes.subarray(cut, second), bytes.subarray(second)].map((part) =>
        unix.next(part)
      );
      const out = [...parts, unix.end()].map((part) => new TextDecoder().decode(part)).join("");
      assert.equal(out, text.replaceAll("\r\n", "\n"));
    }
  }
});

test("deliveries into one folder share its syncs", async () => {
  const { host, disk } = memoryMachine();
  const writer = new MaildirWriter(host);
  const boxes = [{ path: "/box", head: "" }];
  const options = { crlf: true, signal: new AbortController().signal };
  const prepared = [];
  for (let i = 0; i < 20; i++) prepared.push(await writer.prepare(boxes, `m${i}`, message("x"), options));
  let syncs = 0;
  disk.before = ({ kind, path }) => void (kind === "sync" && path === "/box/new" && syncs++);
  await Promise.all(prepared.map((one) => one.commit()));
  assert.equal(syncs, 2);
  assert.equal([...disk.files.keys()].filter((path) => path.startsWith("/box/new/")).length, 20);
  await prepared[0]!.commit().catch(() => {});
  assert.equal(disk.open, 0);
});

test("a message whose client has gone leaves nothing behind", async () => {
  const { host, disk } = memoryMachine();
  const gone = AbortSignal.abort(new Error("gone"));
  const writing = new MaildirWriter(host).prepare([{ path: "/box", head: "" }], "m", message("x"), {
    crlf: true,
    signal: gone,
  });
  await assert.rejects(writing, /gone/);
  assert.deepEqual([...disk.files.keys()], []);
});

test("a Maildir that was taken away is made again by the delivery after the one that missed it", async () => {
  const { host } = memoryMachine();
  const writer = new MaildirWriter(host);
  const prepare = () =>
    writer.prepare([{ path: "/box", head: "" }], "m", message("x"), {
      crlf: true,
      signal: new AbortController().signal,
    });
  await (await prepare()).commit();
  host.removeSync("/box", { recursive: true });
  await assert.rejects(prepare());
  await (await prepare()).commit();
  assert.equal(host.readTextFileSync("/box/new/m"), "x");
});
