/**
 * The start: replays the journal, sets damage aside, cuts torn tails, sweeps bodies that no record speaks of.
 *
 * Nothing found in the directory stops it. Only a directory that cannot be made or listed does.
 */
import type { Clock } from "../base/clock.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { makeDirectory } from "./directory.ts";
import type { Keyring } from "./keyring.ts";
import { type Holder, Ledger } from "./ledger.ts";
import { replay } from "./replay.ts";
import type { Segment } from "./segment.ts";
import { setAside } from "./set_aside.ts";

export interface Recovered {
  readonly ledger: Ledger<Segment>;
  /** Oldest first. */
  readonly segments: Segment[];
  /** Number of the next segment. */
  readonly next: number;
  /** Those whose octets were read but may not be on the disk. */
  readonly unsettled: Segment[];
}

export interface RecoverOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly dir: string;
  readonly log: Logger;
  readonly holder: Holder<Segment>;
  readonly keys: Keyring;
}

export async function recover({ host, clock, dir, log, holder, keys }: RecoverOptions): Promise<Recovered> {
  const began = clock.monotonic();
  await makeDirectory(host, `${dir}/body`);
  const ledger = new Ledger<Segment>(holder);
  const cuts = new Map<Segment, number>();
  const unread = new Set<Segment>();
  let torn = 0;
  let damaged = 0;
  const segments = replay(host, dir, {
    octets: (...record) => ledger.applyOctets(...record),
    record: (kind, json, place) => {
      try {
        ledger.apply(kind, json, place);
        keys.apply(kind, json, place.segment);
      } catch (error) {
        // Sound octets that do not mean what they should: a record of another make.
        damaged++;
        const bytes = place.segment.read(place.offset, place.offset + place.length);
        const reason = `meaningless record: ${error instanceof Error ? error.message : error}`;
        setAside(host, dir, log, { segment: nameOf(place.segment), offset: place.offset, reason }, bytes);
      }
    },
    damage: (segment, { start, end, reason }, bytes) => {
      const kept = setAside(
        host,
        dir,
        log,
        { segment: nameOf(segment), offset: start, reason },
        bytes.subarray(start, end),
      );
      if (reason === "torn tail") {
        torn++;
        if (kept !== "") cuts.set(segment, start);
      } else damaged++;
      if (kept === "") segment.keep = true;
    },
    unreadable: (segment, error) => {
      damaged++;
      segment.keep = true;
      unread.add(segment);
      const reason = `unreadable: ${error instanceof Error ? error.message : error}`;
      log.event("queue_corrupt", { segment: nameOf(segment), offset: 0, length: 0, reason, kept: segment.path });
    },
  });
  for (const [segment, size] of cuts) segment.cut(size);
  const unsettled = await settleLast(segments.filter((segment) => !unread.has(segment)), log);
  sweep(host, dir, log, ledger, damaged + torn > 0);
  let recipients = ledger.resting.countRecipients();
  for (const { entries } of ledger.awake.values()) for (const { left } of entries) recipients += left.length;
  const ms = Math.round(clock.monotonic() - began);
  const messages = ledger.messages.size;
  log.event("queue_recovered", { shard: dir, messages, recipients, segments: segments.length, torn, ms });
  return { ledger, segments, next: (segments.at(-1)?.number ?? 0) + 1, unsettled };
}

/** What was read may still be on its way to the disk: what is built on it must not outlive it. Tells where that could not be seen to yet. */
async function settleLast(segments: readonly Segment[], log: Logger): Promise<Segment[]> {
  const unsettled: Segment[] = [];
  for (const segment of segments.slice(-2)) {
    try {
      await segment.sync();
    } catch (error) {
      unsettled.push(segment);
      log.error(`Cannot sync a queue segment: ${error instanceof Error ? error.message : error}`, {
        file: segment.path,
      });
    }
  }
  return unsettled;
}

/** Bodies without a record belong to nobody; when there was damage (a torn tail may be one), they may be its and are kept aside. */
function sweep(host: Host, dir: string, log: Logger, ledger: Ledger<Segment>, damaged: boolean): void {
  const wanted = ledger.resting.bodyFiles();
  for (const { bodyFile } of ledger.awake.values()) if (bodyFile !== undefined) wanted.add(bodyFile);
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (error) {
      log.warn(`Cannot tidy the queue directory: ${error instanceof Error ? error.message : error}`);
    }
  };
  attempt(() => {
    for (const { name } of [...host.readDirSync(`${dir}/body`)]) {
      if (wanted.has(name)) continue;
      attempt(() => {
        if (!damaged) return host.removeSync(`${dir}/body/${name}`);
        host.mkdirSync(`${dir}/corrupt`, { recursive: true });
        host.renameSync(`${dir}/body/${name}`, `${dir}/corrupt/${name}`);
      });
    }
  });
  attempt(() => {
    // What Haraka left half written in the same directory.
    for (const { name, isFile } of [...host.readDirSync(dir)]) {
      if (isFile && name.startsWith("__tmp__.")) attempt(() => host.removeSync(`${dir}/${name}`));
    }
  });
}

function nameOf(segment: Segment): string {
  return segment.path.slice(segment.path.lastIndexOf("/") + 1);
}
