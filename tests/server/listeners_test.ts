import assert from "node:assert/strict";
import { closeConn } from "../../src/host/conn.ts";
import { endpointOf, listenAll } from "../../src/server/listeners.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("listenAll() hands connections over and skips an endpoint that is taken", async () => {
  const { host, clock } = memoryMachine();
  const taken = host.listen({ hostname: "127.0.0.1", port: 2526 });
  const log = memoryLog();
  let handled = 0;
  const listening = listenAll({
    host,
    clock,
    log: log.log,
    endpoints: [endpointOf("127.0.0.1:2525"), endpointOf("127.0.0.1:2526")],
    reusePort: false,
    handle(conn) {
      handled++;
      closeConn(conn);
      return Promise.resolve();
    },
  });
  assert.equal(listening.addresses.length, 1);
  closeConn(await host.connect({ hostname: "127.0.0.1", port: 2525 }));
  await clock.advance(1);
  await listening.close();
  taken.close();
  assert.equal(handled, 1);
});

test("listenAll() throws when it can listen nowhere", () => {
  const { host, clock } = memoryMachine();
  const taken = host.listen({ hostname: "127.0.0.1", port: 2525 });
  const endpoints = [endpointOf("127.0.0.1:2525")];
  const handle = () => Promise.resolve();
  assert.throws(
    () => listenAll({ host, clock, log: memoryLog().log, endpoints, reusePort: false, handle }),
    /Cannot listen on 127\.0\.0\.1:2525/,
  );
  assert.throws(
    () => listenAll({ host, clock, log: memoryLog().log, endpoints: [], reusePort: false, handle }),
    /no endpoint/,
  );
  taken.close();
});

test("endpointOf() says what it wants", () => {
  assert.throws(() => endpointOf("what?"), /Cannot listen on "what\?": wanted: a port/);
});

test("listenAll() leaves a directory alone that stands where a socket should be", () => {
  const { host, disk, clock } = memoryMachine();
  disk.mkdirSync("/run/kasi", { recursive: true });
  const endpoints = [endpointOf("/run/kasi")];
  const handle = () => Promise.resolve();
  assert.throws(
    () => listenAll({ host, clock, log: memoryLog().log, endpoints, reusePort: false, handle }),
    /Cannot listen on \/run\/kasi: a directory stands there/,
  );
  assert.equal(disk.statSync("/run/kasi").isDirectory, true);
});

test("[row 54] [::0] on a machine without IPv6 is all of IPv4; another fault, or another address, is not", async () => {
  const { host, clock } = memoryMachine();
  const withoutIpv6 = (reason: string): typeof host => ({
    ...host,
    listen: ((options: { hostname?: string; port: number }) => {
      if (options.hostname?.includes(":")) throw new Error(reason);
      return host.listen(options);
    }) as typeof host.listen,
  });
  const listen = (text: string, reason = "listen EAFNOSUPPORT: address family not supported") =>
    listenAll({
      host: withoutIpv6(reason),
      clock,
      log: memoryLog().log,
      endpoints: [endpointOf(text)],
      reusePort: false,
      handle: () => Promise.resolve(),
    });
  const listening = listen("[::0]:2525");
  assert.deepEqual(listening.addresses.map((addr) => "hostname" in addr && addr.hostname), ["0.0.0.0"]);
  await listening.close();
  assert.throws(() => listen("[::1]:2525"), /EAFNOSUPPORT/);
  assert.throws(() => listen("[::0]:2525", "EADDRINUSE"), /EADDRINUSE/);
});
