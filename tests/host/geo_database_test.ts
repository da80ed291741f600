import assert from "node:assert/strict";
import { openGeoDatabase, readGeoDatabase } from "../../src/host/geo_database.ts";
import { MemoryDisk } from "../kit/memory_disk.ts";
import { mmdb } from "../kit/mmdb.ts";
import { test } from "../kit/test.ts";

const NETWORKS = {
  "8.0.0.0/8": { name: "wide" },
  "8.8.8.0/24": { name: "narrow", text: "ä".repeat(200), more: [1, 2.5, true, -3] },
  "2001:db8:1::/48": { name: "six" },
};

for (const recordSize of [24, 28, 32] as const) {
  test(`the record of the narrowest network is found, with that network, in a tree of ${recordSize} bits`, async () => {
    const database = await readGeoDatabase(mmdb({ type: "Test-DB", networks: NETWORKS, recordSize }));
    assert.deepEqual([database.type, database.built], ["Test-DB", new Date(1_700_000_000_000)]);
    assert.deepEqual(database.find("8.8.8.8"), { record: NETWORKS["8.8.8.0/24"], network: "8.8.8.0/24" });
    assert.deepEqual(database.find("8.8.9.8")?.record, { name: "wide" });
    assert.deepEqual(database.find("::ffff:8.8.8.8")?.network, "8.8.8.0/24");
    assert.deepEqual(database.find("2001:db8:1::25"), { record: { name: "six" }, network: "2001:db8:1::/48" });
    assert.equal(database.find("9.9.9.9"), undefined);
    assert.equal(database.find("2001:db8:2::25"), undefined);
    assert.equal(database.find("no address"), undefined);
    assert.equal(database.find(""), undefined);
  });
}

test("a database of IPv4 networks knows nothing of an IPv6 address whose first bits look like one", async () => {
  const database = await readGeoDatabase(
    mmdb({ type: "T", ipVersion: 4, networks: { "32.1.0.0/16": { name: "no" } } }),
  );
  assert.equal(database.find("32.1.2.3")?.network, "32.1.0.0/16");
  assert.equal(database.find("2001:db8::1"), undefined);
});

test("what is no database, or a part of one wherever it is cut, is refused", async () => {
  const whole = mmdb({ type: "T", networks: NETWORKS });
  const none = [new TextEncoder().encode("<html>Not found</html>"), new Uint8Array(5000)];
  const beheaded = whole.subarray(6);
  for (const octets of [...none, beheaded, ...whole.keys().map((length) => whole.subarray(0, length))]) {
    await assert.rejects(
      readGeoDatabase(octets),
      /^TypeError: Cannot read this as a database/,
      `${octets.length} octets`,
    );
  }
});

test("a file is read whole, and whoever gives up is heard", async () => {
  const disk = new MemoryDisk();
  const networks = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`8.8.${i}.0/24`, { name: "x".repeat(50_000) }]),
  );
  disk.writeFileSync("/x.mmdb", mmdb({ type: "T", networks }));
  assert.equal((await openGeoDatabase(disk, "/x.mmdb")).find("8.8.39.1")?.network, "8.8.39.0/24");
  await assert.rejects(openGeoDatabase(disk, "/x.mmdb", AbortSignal.abort(new Error("enough"))), /enough/);
  await assert.rejects(openGeoDatabase(disk, "/none.mmdb"), { name: "NotFound" });
  assert.equal(disk.open, 0);
});
