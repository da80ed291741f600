/**
 * A journal of many deferred messages, as a server leaves it that could not deliver them: written by the real record writer, without a server.
 *
 * Distinct senders, domains by a long tail, one to three recipients (some in two domains), one to four failed attempts with their errors, told of
 * in full behind each outcome; every fifth message stands as compaction copies it forward. All are due hours from `now`. The same options give the same octets.
 */
import { utf8Encode } from "../../../src/base/bytes.ts";
import type { Host } from "../../../src/host/types.ts";
import { Batch } from "../../../src/queue/batch.ts";
import { encodePast } from "../../../src/queue/past.ts";
import { Segment } from "../../../src/queue/segment.ts";
import type { StoredMessage, StoredState } from "../../../src/queue/stored.ts";
import { seeded } from "../../kit/crash_disk.ts";

export interface Fill {
  readonly messages: number;
  readonly domains: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Octets of a body, about. */
  readonly bodyBytes?: number;
  readonly segmentBytes?: number;
}

export interface Filled {
  readonly segments: number;
  readonly bytes: number;
  readonly items: number;
  readonly recipients: number;
  /** Items of a domain. */
  readonly perDomain: ReadonlyMap<string, number>;
}

const HOUR = 3_600_000;
/** Messages between one attempt at a message and the next. */
const ATTEMPTS_APART = 5000;
const AT_ONCE = 500;
const ERRORS = [
  (domain: string, n: number) =>
    `connect to mx${n % 3}.${domain} (192.0.${n % 250}.${n % 199}:25): Connection timed out`,
  (_: string, n: number) =>
    `451 4.7.1 Greylisted, see https://postmaster.example/greylist?id=${n.toString(36)}; try again in 300 s`,
  (domain: string) => `452 4.2.2 The mailbox of this user at ${domain} is over its quota; try again later`,
  (domain: string) => `DNS: SERVFAIL for MX of ${domain}`,
  (_: string, n: number) =>
    `421 4.7.0 [TSS04] Messages from 192.0.2.${n % 250} temporarily deferred due to unusual volume; ${n}`,
] as const;

export function domainName(n: number): string {
  return `d${n}.${["example", "mail.example", "uni.example", "co.example"][n % 4]}`;
}

export function fillJournal(host: Host, dir: string, options: Fill): Filled {
  const { messages, domains, now, bodyBytes = 700, segmentBytes = 64 * 1024 * 1024 } = options;
  host.mkdirSync(`${dir}/body`, { recursive: true });
  const random = seeded(42);
  const batch = new Batch();
  const perDomain = new Map<string, number>();
  const body = utf8Encode(
    "Just a line of a mail that nobody could deliver so far.\r\n".repeat(Math.ceil(bodyBytes / 57)),
  );
  let [number, bytes, items, recipients, gathered] = [0, 0, 0, 0, 0];
  let segment: Segment | undefined;
  const write = () => {
    if (segment === undefined || segment.size >= segmentBytes) {
      segment?.close();
      segment = Segment.create(host, dir, ++number, Math.floor(random() * 2 ** 32));
    }
    const before = segment.size;
    batch.write(segment);
    batch.take();
    bytes += segment.size - before;
    gathered = 0;
  };
  /** What is yet to be written about a message, by the number of the message it comes behind. */
  const later = new Map<number, Failed[]>();
  const tell = (failed: readonly Failed[] = []) => {
    for (const { json, past } of failed) batch.add("outcome", json, [past]);
  };
  for (let n = 0; n < messages; n++) {
    tell(later.get(n));
    later.delete(n);
    const { stored, states } = oneMessage(n, domains, now, random);
    for (const name of stored.d) perDomain.set(name, (perDomain.get(name) ?? 0) + 1);
    items += stored.d.length;
    recipients += stored.r.length;
    const attempts = states.at(-1)![0]!.a;
    const copied = n % 5 === 0;
    const json = JSON.stringify(copied ? { ...stored, st: states.at(-1) } : stored);
    const head = `Received: (Kasi outbound)\r\nMessage-Id: <${n}@here.example>\r\nSubject: Number ${n}\r\n\r\n`;
    batch.add("accepted", json, [utf8Encode(head), body]);
    if (copied) tell(failedAt(stored, states, attempts - 1));
    for (let a = 0; !copied && a < attempts; a++) {
      const at = n + 1 + (a + 1) * ATTEMPTS_APART;
      const there = later.get(at);
      if (there === undefined) later.set(at, failedAt(stored, states, a));
      else there.push(...failedAt(stored, states, a));
    }
    if (++gathered >= AT_ONCE) write();
  }
  for (const [, failed] of [...later].sort(([a], [b]) => a - b)) {
    tell(failed);
    if (++gathered >= AT_ONCE) write();
  }
  if (!batch.empty) write();
  segment?.close();
  return { segments: number, bytes, items, recipients, perDomain };
}

/** An outcome record and what stands behind it. */
interface Failed {
  readonly json: string;
  readonly past: Uint8Array;
}

/** What is written of a message after an attempt, the first one being 0. */
function failedAt(stored: StoredMessage, states: readonly StoredState[][], attempt: number): Failed[] {
  return states[attempt]!.map((state, item) => ({
    json: JSON.stringify({ i: stored.i, ...state, x: 1 }),
    past: encodePast(
      states.slice(0, attempt + 1).map((then, a) => ({
        at: stored.t + a * HOUR,
        results: [{
          kind: "deferred",
          recipients: state.l,
          text: then[item]!.e!,
          host: `mx${stored.t % 3}.${stored.d[item]}`,
        }],
      })),
    ),
  }));
}

/** A message and how its items stood after each attempt. */
function oneMessage(n: number, domains: number, now: number, random: () => number) {
  // A few domains have many, most have some: the square of an even draw.
  const pick = () => domainName(Math.floor(random() ** 2 * domains));
  const d = [pick()];
  if (random() < 0.1) {
    const second = pick();
    if (second !== d[0]) d.push(second);
  }
  const count = Math.max(d.length, random() < 0.7 ? 1 : random() < 0.7 ? 2 : 3);
  const g = Array.from({ length: count }, (_, i) => i % d.length);
  const hex = (length: number) => Math.floor(random() * 16 ** length).toString(16).toUpperCase().padStart(length, "0");
  const t = now - 20 * HOUR + Math.floor(random() * 10 * HOUR);
  const stored: StoredMessage = {
    i: `${hex(8)}-${hex(4)}-4${hex(3)}-9${hex(3)}-${hex(6)}${hex(6)}.${1 + n % 3}`,
    s: `sender${n}@s${n % 5000}.example`,
    r: g.map((item, i) => `user${n}.${i}@${d[item]}`),
    d,
    ...(d.length > 1 ? { g } : undefined),
    t,
    z: 800,
  };
  const attempts = 1 + Math.floor(random() * 4);
  const states: StoredState[][] = Array.from({ length: attempts }, (_, a) =>
    d.map((domain, item) => ({
      n: item,
      a: a + 1,
      d: now + HOUR + Math.floor(random() * 10 * HOUR),
      l: g.flatMap((one, i) => one === item ? [i] : []),
      e: ERRORS[Math.floor(random() * ERRORS.length)]!(domain, n),
      s: "4.4.1",
    })));
  return { stored, states };
}
