/** The table of `peer_table.ts`, cell by cell, each to its end: outcomes, status, other hosts, reports, next attempts. */
import assert from "node:assert/strict";
import type { Answer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import {
  FIRST_RECIPIENT,
  type Game,
  INTERVAL_MS,
  play,
  type Played,
  readCell,
  type ReportBlock,
  scriptOf,
} from "./peer_play.ts";
import {
  type AnswerName,
  ANSWERS,
  type Cell,
  CONNECT,
  CONSEQUENCES,
  DIALS,
  HANDSHAKE,
  type HandshakeName,
  HANDSHAKES,
  type Play,
  REPORT_FIELDS,
  type StageName,
  STAGES,
  TABLE,
} from "./peer_table.ts";

/** Each plays some seventy mails to their end: a moment, but not on a busy machine. */
const PATIENT = { timeoutMs: 600_000 };
const RECIPIENTS = [FIRST_RECIPIENT, "b@example.com"];

/** Plays it with two hosts, and with one where the second made a difference; collects what is not as the cell says. */
async function check(what: string, game: Game, cell: Cell, quoted: string | undefined): Promise<string[]> {
  const { fates, next, withNext } = readCell(cell);
  try {
    const both = await play(game, 2);
    assert.equal(both.askedNext, next, "whether another host is asked");
    compare(both, withNext, quoted);
    if (next) compare(await play(game, 1), fates, quoted);
    return [];
  } catch (error) {
    return [`${what}: wanted "${cell}": ${(error as Error).message.replaceAll("\n", " ")}`];
  }
}

function compare(played: Played, fates: readonly string[], quoted: string | undefined): void {
  assert.deepEqual(played.fates, fates, "fates");
  const of = (kind: keyof typeof CONSEQUENCES) => RECIPIENTS.filter((_, i) => fates[i]!.startsWith(kind));
  const waiting = (Object.keys(CONSEQUENCES) as (keyof typeof CONSEQUENCES)[])
    .filter((kind) => CONSEQUENCES[kind].again === "after the first interval").flatMap(of);
  assert.deepEqual(played.again?.recipients ?? [], waiting, "who is tried again");
  if (waiting.length > 0) assert.equal(played.again!.afterMs, INTERVAL_MS, "when it is tried again");
  assert.equal(played.attempts, waiting.length > 0 ? 2 : 1, "attempts");
  if (!played.askedNext && fates.every((fate) => fate === "sent")) assert.equal(played.copies, 1, "copies");

  const expected = [
    ...(of("bounce").length > 0 ? [of("bounce")] : []),
    // The answer was to the first recipient: without it, the second attempt does not meet that again.
    ...(waiting.includes(FIRST_RECIPIENT) ? [waiting] : []),
  ];
  assert.deepEqual(
    played.reports.map(({ blocks }) => blocks.map((block) => block["Final-Recipient"])),
    expected.map((each) => each.map((address) => `rfc822; ${address}`)),
    "who is reported",
  );
  for (const { afterMs, blocks } of played.reports) {
    for (const block of blocks) {
      const i = RECIPIENTS.findIndex((address) => block["Final-Recipient"]!.endsWith(address));
      const late = fates[i]!.startsWith("wait");
      assert.ok(late ? afterMs >= INTERVAL_MS : afterMs < INTERVAL_MS, "when it is reported");
      // One that went astray because of the other was not spoken of.
      const own = fates[0] === fates[1] || i === 0 ? quoted : undefined;
      fieldsOf(block, fates[i]!.split(" ")[1]!.replace(/^4/, "5"), own);
    }
  }
}

function fieldsOf(block: ReportBlock, status: string, quoted: string | undefined): void {
  const fields = Object.entries(REPORT_FIELDS).filter(([, when]) => when === "always" || quoted !== undefined);
  assert.deepEqual(Object.keys(block), fields.map(([name]) => name), "fields of the report");
  assert.equal(block.Action, "failed");
  assert.equal(block.Status, status);
  assert.equal(block["Remote-MTA"], "dns; mx1.example.com");
  if (quoted !== undefined) assert.equal(block["Diagnostic-Code"], `smtp; ${quoted}`);
}

/** What a report quotes of an answer: a whole reply, its lines in one. */
function quotedOf(answer: Answer, cell: Cell): string | undefined {
  const said = typeof answer === "string" ? answer : answer.say;
  if (said === undefined || cell.includes("4.7.5") || cell.startsWith("wait 4.5.0") && !/^3|^2/.test(said)) {
    return undefined;
  }
  if (cell.startsWith("wait 4.4.2")) return undefined;
  const [first, ...more] = said.split("\n");
  if (new Set([first, ...more].map((line) => line!.slice(0, 3))).size > 1 || more.length > 250) return undefined;
  const status = /^\d{3}[ -](\d\.\d\.\d) /.exec(first!)?.[1];
  return [first!.replace("-", " "), ...more.map((line) => line.slice(status === undefined ? 4 : 10))].join(" ");
}

for (const [name, row] of Object.entries(TABLE) as [StageName, (typeof TABLE)[StageName]][]) {
  const { at, protocols, ways, ...more }: Play = STAGES[name];
  for (const protocol of protocols) {
    for (const way of ways) {
      test(
        `every answer at ${name} comes to what the table says (${protocol.toUpperCase()}, ${way}) [row 207] [row 208]`,
        PATIENT,
        async () => {
          const wrong: string[] = [];
          for (const [answerName, cell] of Object.entries(row) as [AnswerName, Cell][]) {
            const answer = ANSWERS[answerName];
            const game: Game = {
              protocol,
              way,
              ...more,
              script: scriptOf(name, answer),
              ...(at === "idle" && { idle: answer }),
            };
            wrong.push(...await check(answerName, game, cell, quotedOf(answer, cell)));
          }
          assert.deepEqual(wrong, []);
        },
      );
    }
  }
}

test("every way in which no connection can be had comes to what the table says [row 200]", PATIENT, async () => {
  const wrong: string[] = [];
  for (const [name, cell] of Object.entries(CONNECT)) {
    for (const protocol of ["smtp", "lmtp"] as const) {
      const dial = DIALS[name as keyof typeof DIALS];
      wrong.push(...await check(name, { protocol, way: "pipelined", script: {}, dial }, cell, undefined));
    }
  }
  assert.deepEqual(wrong, []);
});

for (const tls of ["opportunistic", "required"] as const) {
  test(`every end of a TLS handshake comes to what the table says (${tls}) [row 202]`, PATIENT, async () => {
    const wrong: string[] = [];
    for (const [name, cell] of Object.entries(HANDSHAKE[tls]) as [HandshakeName, Cell][]) {
      const act = HANDSHAKES[name];
      const game: Game = {
        protocol: "smtp",
        way: "pipelined",
        tls,
        script: typeof act === "string" ? {} : { tls: act },
        ...(name === "untrusted" && { handshake: { trusted: false } }),
        ...(name === "of another name" && { handshake: { names: ["other.example"] } }),
      };
      wrong.push(...await check(name, game, cell, undefined));
    }
    assert.deepEqual(wrong, []);
  });
}
