/** Ten simulated days on a fake clock: schedule, expiry, delay warnings, breaker and rate, and what happened is printed. */
import assert from "node:assert/strict";
import { parseRate } from "../../../src/config/amounts.ts";
import { loadCoreSettings } from "../../../src/config/core_settings.ts";
import type { Attempt, Item, Outcome } from "../../../src/hooks/outbound.ts";
import { SiteTable } from "../../../src/hooks/site.ts";
import type { Message } from "../../../src/mail/message.ts";
import { site as configSite } from "../../config/kit.ts";
import { test } from "../../kit/test.ts";
import { bench, readText } from "../queue_kit.ts";
import { mostIn, sitesOf } from "./kit.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("ten days: dead hosts cost few attempts and no slot, their mail bounces by expire, delays are told, a rate is kept", async () => {
  const b = await bench({
    start: false,
    settings: {
      delayWarningFor: "all",
      sites: sitesOf({ breaker: 3 }, {
        "dead.example": { expireMs: 5 * DAY },
        "slow.example": { rate: parseRate("10/1h")! },
        "hours.example": { retryMs: [HOUR, HOUR, HOUR] },
      }),
    },
    options: { jitter: () => 0.5 },
  });
  const began = b.clock.now();
  const tried = new Map<string, number[]>();
  const delivered = new Map<string, number[]>();
  const reports = { delayed: [] as number[], failed: [] as number[] };
  const note = (map: Map<string, number[]>, domain: string) =>
    map.set(domain, [...map.get(domain) ?? [], b.clock.now() - began]);
  const dead = (domain: string) =>
    domain === "dead.example" || (domain === "back.example" && b.clock.now() < began + 2 * DAY);

  b.queue.start({
    async deliver(item: Item, message: Message): Promise<Attempt> {
      const { domain } = item;
      note(tried, domain);
      if (domain === "home.example") {
        const text = await readText(message.open());
        for (const kind of ["delayed", "failed"] as const) {
          if (text.includes(`Action: ${kind}`)) reports[kind].push(b.clock.now() - began);
        }
      }
      if (!dead(domain) && domain !== "hours.example") note(delivered, domain);
      return {
        outcomes: item.recipients.map((recipient): Outcome =>
          dead(domain)
            ? { kind: "deferred", recipient, reason: { text: "cannot connect", status: "4.4.1" } }
            : domain === "hours.example"
            ? {
              kind: "deferred",
              recipient,
              reason: { text: "451 busy", status: "4.3.0", reply: { code: 451, text: "busy" } },
            }
            : { kind: "delivered", recipient, reply: { code: 250, text: "ok" } }
        ),
      };
    },
  });
  for (const [domain, count] of [["dead", 20], ["back", 20], ["slow", 60], ["hours", 1], ["well", 5]] as const) {
    for (let n = 0; n < count; n++) await b.accept(`${domain}${n}`, [`x@${domain}.example`]);
  }
  await b.clock.advance(10 * DAY);
  assert.equal(b.queue.stats().toString(), "0/0/0", "nothing is left");

  const times = (map: Map<string, number[]>, domain: string) => map.get(`${domain}.example`) ?? [];
  const hours = (ms: number) => `${(ms / HOUR).toFixed(1)} h`;
  assert.deepEqual(times(delivered, "well").map((at) => at < MINUTE), Array(5).fill(true));
  assert.deepEqual(times(tried, "hours"), [0, HOUR, 2 * HOUR, 3 * HOUR], "its own schedule");
  // 20 mails: by the schedule alone each would have been tried ten times in five days.
  assert.ok(times(tried, "dead").length < 5 * 24 + 20, `${times(tried, "dead").length} attempts`);
  assert.equal(times(delivered, "dead").length, 0);
  assert.equal(times(delivered, "back").length, 20);
  assert.ok(Math.max(...times(delivered, "back")) < 2 * DAY + 12 * HOUR, hours(Math.max(...times(delivered, "back"))));
  assert.ok(mostIn(times(delivered, "slow"), HOUR) <= 10);
  assert.equal(times(delivered, "slow").length, 60);
  assert.equal(reports.failed.length, 21, "dead.example's after five days, and that of hours.example");
  assert.deepEqual(reports.failed.filter((at) => at >= 5 * DAY && at < 5 * DAY + 3 * MINUTE).length, 20);
  const late = times(delivered, "slow").filter((at) => at >= 4 * HOUR).length;
  assert.equal(
    reports.delayed.length,
    20 + 20 + late,
    "each that was late is told of once, also when it was never tried",
  );
  assert.ok(reports.delayed.every((at) => at >= 4 * HOUR && at < 4 * HOUR + MINUTE));

  const events = b.log.items.filter(({ message }) => message.startsWith("outbound: a destination"));
  console.log(`ten days: ${events.length} changes of state`);
  for (const domain of ["dead", "back", "slow", "hours", "well"]) {
    const went = times(delivered, domain);
    const last = went.length === 0 ? "" : `, the last after ${hours(Math.max(...went))}`;
    console.log(`  ${domain}.example: ${times(tried, domain).length} attempts, ${went.length} delivered${last}`);
  }
  console.log(`  reports: ${reports.delayed.length} of delay after 4 h, ${reports.failed.length} of failure`);
  await b.queue.stop(0);
});

test("the recipe of docs/sites.md: never more than 250 in any hour through one provider, whatever the domains [wishes 18]", async () => {
  const recipe = "[*]\nrate=250/1h\nconnections=2\nretry=15m, 30m, 1h*24\n";
  const { config } = configSite({ "site/outbound.sites.ini": recipe }, { watch: false });
  const core = await loadCoreSettings(config);
  core.close();
  const b = await bench({ settings: { sites: new SiteTable(core.sites.value) } });
  for (let n = 0; n < 300; n++) await b.accept(`m${n}`, [`x@d${n % 40}.example`]);
  await b.clock.advance(2 * HOUR);
  const at = b.courier.deliveries.map((each) => each.at);
  assert.equal(at.length, 300);
  assert.ok(mostIn(at, HOUR) <= 250, `${mostIn(at, HOUR)}`);
  assert.ok(b.courier.mostAtOnce <= 2);
  await b.queue.stop(0);
});
