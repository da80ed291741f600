import assert from "node:assert/strict";
import plugin, { kilometres } from "../../plugins/geoip.ts";
import { fakeSession, message } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { mmdb } from "../kit/mmdb.ts";
import { test } from "../kit/test.ts";

const DIR = "/usr/local/share/GeoIP";
const BERLIN = {
  continent: { code: "EU" },
  country: { iso_code: "DE" },
  subdivisions: [{ iso_code: "BE" }, { iso_code: "XX" }],
  city: { names: { de: "Berlin!", en: "Berlin" } },
  location: { latitude: 52.52, longitude: 13.405 },
};
const PARIS = {
  continent: { code: "EU" },
  country: { iso_code: "FR" },
  city: { names: { en: "Paris" } },
  location: { latitude: 48.8566, longitude: 2.3522 },
};
const CITY = mmdb({
  type: "GeoLite2-City",
  networks: {
    "8.8.8.0/24": BERLIN,
    "9.9.9.0/24": PARIS,
    "2a00:1450::/32": { country: { iso_code: "IE" } },
    "7.0.0.0/8": {},
  },
});
const COUNTRY = mmdb({
  type: "GeoLite2-Country",
  networks: {
    "8.8.8.0/24": { country: { iso_code: "no" } },
    "5.5.0.0/16": { continent: { code: "NA" }, country: { iso_code: "US" } },
  },
});

async function bench(ini = "", databases: { readonly [name: string]: Uint8Array } = { City: CITY, Country: COUNTRY }) {
  const started = await startPlugin({
    ...plugin,
    async setup(host) {
      host.machine.host.mkdirSync(DIR, { recursive: true });
      for (const [name, octets] of Object.entries(databases)) {
        host.machine.host.writeFileSync(`${DIR}/GeoLite2-${name}.mmdb`, octets);
      }
      return await plugin.setup(host);
    },
  }, { files: { "geoip.ini": ini } });
  async function connect(ip: string) {
    const session = fakeSession({ ip, isPrivate: ip.startsWith("10."), from: "a@b.test", log: started.log.log });
    const { verdict } = await started.run("connect", { session });
    assert.equal(verdict, undefined);
    return { session, found: session.results.get(plugin) };
  }
  async function headers(ip: string, text: string) {
    const mail = message(`${text}Subject: x\n\nhi\n`);
    await started.run("data_post", { session: (await connect(ip)).session, event: { message: mail } });
    return mail.header;
  }
  return { ...started, connect, headers };
}

test("a client's place is noted, as the city's database knows it, else the country's [row 268]", async () => {
  const { connect, log } = await bench();
  const { found } = await connect("8.8.8.8");
  assert.deepEqual([found?.continent, found?.country, found?.region, found?.city], ["EU", "DE", "BE", "Berlin"]);
  assert.deepEqual([found?.ll, found?.geo], [[52.52, 13.405], { lat: 52.52, lon: 13.405 }]);
  assert.equal("distance" in found!, false);
  assert.match(log.text(), /EU, DE, BE, Berlin/);
  const elsewhere = (await connect("5.5.5.5")).found;
  assert.deepEqual([elsewhere?.continent, elsewhere?.country, elsewhere?.city], ["NA", "US", undefined]);
  assert.equal((await connect("2a00:1450::25")).found?.country, "IE");
  for (const ip of ["1.1.1.1", "7.7.7.7", "10.0.0.1", "2a01::1"]) {
    assert.equal((await connect(ip)).found, undefined, ip);
  }
});

test("how far away it is, and whether that is too far, from our own place [row 268]", async () => {
  const { connect, log, change } = await bench("public_ip=9.9.9.9\ncalc_distance=true\ntoo_far=877.0\n");
  const { found } = await connect("8.8.8.8");
  assert.deepEqual([found?.distance, found?.too_far], ["877", true]);
  assert.match(log.text(), /EU, DE, BE, Berlin, 877km/);
  change("geoip.ini", "public_ip=9.9.9.9\ncalc_distance=true\ntoo_far=878\n");
  assert.equal((await connect("8.8.8.8")).found?.too_far, undefined);
  // A place that its database does not know has no distance; nor has a server that does not know its own.
  assert.equal((await connect("5.5.5.5")).found?.distance, undefined);
  change("geoip.ini", "public_ip=1.1.1.1\ncalc_distance=true\n");
  const lost = (await connect("8.8.8.8")).found;
  assert.deepEqual([lost?.country, lost?.distance, lost?.err], ["DE", undefined, [
    "no place of our own address 1.1.1.1",
  ]]);
});

test("public_ip of smtp.ini says where we are, too", async () => {
  const { connect, change } = await bench("calc_distance=true\n");
  change("smtp.ini", "public_ip=8.8.8.1\n");
  assert.equal((await connect("9.9.9.9")).found?.distance, "877");
  assert.equal((await connect("8.8.8.8")).found?.distance, "0");
});

test("headers tell the client's place and the hops' countries, in place of those that came with the mail [row 268]", async () => {
  const { headers, change } = await bench("public_ip=9.9.9.9\ncalc_distance=true\n");
  const hops = "X-Haraka-GeoIP: forged\nX-Haraka-GeoIP-Received: forged\n" +
    "Received: from a (a.test [8.8.8.8]) by b (IPv6:2a00:1450::25)\nReceived: from c ([10.0.0.1]) by [9.9.9.1]\n" +
    "Received: from d (d.test [1.1.1.1]) id 8.8.8.9\nX-Originating-IP: [5.5.5.5]\nX-IP: 8.8.8.8\n";
  const header = await headers("8.8.8.8", hops);
  assert.deepEqual(header.getAll("X-Haraka-GeoIP"), ["EU, DE, BE, Berlin, 877km"]);
  const received = ["8.8.8.8:DE 2a00:1450::25:IE 9.9.9.1:FR 5.5.5.5:US"];
  assert.deepEqual(header.getAll("X-Haraka-GeoIP-Received"), received);
  change("geoip.ini", "[show]\ncity=false\nregion=false\n");
  assert.equal((await headers("8.8.8.8", "X-Remote-IP: 10.0.0.1, 9.9.9.9\n")).get("X-Haraka-GeoIP"), "EU, DE");
  const plain = await headers("1.1.1.1", "X-Haraka-GeoIP: forged\nX-Remote-IP: IPv6:fe80::1\n");
  assert.deepEqual(plain.fields.map((field) => field.name), ["X-Remote-IP", "Subject"]);
});

test("a header of nothing but hops costs no more than a hundred look-ups", async () => {
  const { headers } = await bench();
  const many = `Received: from a ${"([9.9.9.9])".repeat(60)}\n`.repeat(3);
  assert.equal((await headers("8.8.8.8", many)).get("X-Haraka-GeoIP-Received")?.split(/\s+/).length, 100);
});

test("a database that comes or changes is read anew; one that breaks or goes leaves what there was [row 268]", async () => {
  const { connect, log, machine } = await bench("", {});
  const settle = async () => {
    await machine.clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  };
  const file = `${DIR}/GeoLite2-City.mmdb`;
  assert.match(log.text(), /No database in \/usr\/local\/share\/GeoIP/);
  assert.equal((await connect("8.8.8.8")).found, undefined);
  machine.host.writeFileSync(file, CITY);
  await settle();
  assert.equal((await connect("8.8.8.8")).found?.country, "DE");

  machine.host.writeFileSync(file, CITY.subarray(0, 500));
  await settle();
  assert.match(log.text(), /Cannot read .*GeoLite2-City\.mmdb: .*wanted: a whole file/);
  assert.equal((await connect("8.8.8.8")).found?.country, "DE");
  machine.host.removeSync(file);
  await settle();
  await settle();
  assert.equal(log.text().match(/is gone/g)?.length, 1);
  assert.equal((await connect("8.8.8.8")).found?.country, "DE");
  machine.host.writeFileSync(file, mmdb({ type: "GeoLite2-City", networks: { "8.8.8.0/24": PARIS } }));
  await settle();
  assert.equal((await connect("8.8.8.8")).found?.country, "FR");
  assert.equal(machine.disk.open, 0);
});

test("a damaged record is told of once, and refuses nobody", async () => {
  const broken = CITY.slice();
  // Types that there are none of, in the place of the first record.
  const start = new TextDecoder("latin1").decode(broken).indexOf("continent");
  broken.fill(0xff, start - 2, start);
  const { connect, log } = await bench("", { City: broken, Country: COUNTRY });
  const both = [await connect("8.8.8.8"), await connect("9.9.9.9"), await connect("8.8.8.8")];
  assert.match(both.map(({ found }) => found?.country).join(), /no/);
  assert.equal(log.text().match(/is damaged/g)?.length, 1);
});

test("the distance is the great circle's", () => {
  assert.equal(kilometres([0, 0], [0, 180]).toFixed(0), "20015");
  assert.equal(kilometres([52.52, 13.405], [-33.8688, 151.2093]).toFixed(0), "16094");
  assert.equal(kilometres([10, 10], [10, 10]), 0);
});
