import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { planUser } from "../../src/server/become_user.ts";
import { endpointOf } from "../../src/server/listeners.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

const ROOT = { uid: 0, gid: 0 };

function plan(
  user: string | undefined,
  group?: string,
  options: { nodes?: number; listen?: string; now?: typeof ROOT } = {},
) {
  const { host } = memoryMachine();
  host.mkdirSync("/etc");
  host.writeTextFileSync("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nsmtp:x:25:26:mail:/:/bin/false\n");
  host.writeTextFileSync("/etc/group", "root:x:0:\npost:x:27:smtp\n");
  const listen = [endpointOf(options.listen ?? "127.0.0.1:25")];
  return planUser({ user, group, nodes: options.nodes ?? 0, listen }, host, options.now ?? ROOT);
}

test("planUser() finds users and groups by name and by id; the group is the user's own by default", () => {
  assert.equal(plan(undefined), undefined);
  assert.deepEqual(plan("smtp")?.account, { uid: 25, gid: 26, name: "smtp" });
  assert.deepEqual(plan("25", "post")?.account, { uid: 25, gid: 27, name: "smtp" });
  assert.deepEqual(plan("77", "88")?.account, { uid: 77, gid: 88, name: undefined });
  assert.deepEqual(plan(undefined, "post")?.account, { uid: 0, gid: 27, name: undefined });
  assert.equal(plan("smtp", undefined, { now: { uid: 25, gid: 26 } }), undefined, "it is that user already");
});

test("planUser() refuses what cannot be, and names the setting and another way", () => {
  const refused = (what: RegExp, ...args: Parameters<typeof plan>) =>
    assert.throws(() => plan(...args), (cause: unknown) => {
      assert.ok(cause instanceof ConfigError);
      assert.match(cause.message, what);
      return true;
    });
  refused(/\[main\] user: current value is "nobody"; wanted: a user of this machine/, "nobody");
  refused(/\[main\] group: current value is "posts"; wanted: a group of this machine/, "smtp", "posts");
  refused(/\[main\] group: wanted: a group/, "77");
  refused(/unless it is started by root.*CAP_NET_BIND_SERVICE/, "smtp", undefined, { now: { uid: 25, gid: 99 } });
  refused(/nodes=0, or ports from 1024 on/, "smtp", undefined, { nodes: 2 });
  assert.ok(plan("smtp", undefined, { nodes: 2, listen: "127.0.0.1:2525" }));
});
