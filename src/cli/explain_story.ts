/** The lines of one session as a story for people: each reply under what led to it. Pure; reads the events of `log/events.ts` by their names. */
import type { ParsedLine } from "../log/parse.ts";

export type Step = ParsedLine;
type Fields = Step["fields"];

export function tellStory(id: string, steps: readonly Step[]): string {
  const began = steps.find(({ time }) => time !== undefined)?.time;
  const lines = [`Session ${id}`];
  const tell = storyteller();
  for (const step of steps) {
    const text = tell(step);
    const at = began === undefined || step.time === undefined ? "" : `${`+${step.time - began} ms`.padStart(10)}  `;
    lines.push(`${at}${text}`);
  }
  const seen = new Set(steps.map(({ message }) => message));
  if (!seen.has("hook") && !seen.has("lookup")) {
    lines.push(
      "",
      "The log tells more with level=debug in log.ini: functions that said nothing, and what plugins looked up.",
    );
  }
  return lines.join("\n");
}

/** Tells the steps of one session as they come, each as a line, indented. */
export function storyteller(): (step: Step) => string {
  /** The last refusal a plugin gave, until a reply answers for it. */
  let cause: Cause | undefined;
  return (step) => {
    const refused = refusalOf(step);
    const overruled = step.message === "verdict" && step.fields.hook === "deny" && step.fields.verdict === "ok";
    // Behind a fault stands the verdict it counts as: the fault is what people want to hear of.
    const isFault = cause?.why.startsWith("failed:") && cause.plugin === refused?.plugin && cause.hook === refused.hook;
    if (refused !== undefined && !isFault) cause = { ...refused, overruled: false };
    else if (overruled && cause !== undefined) cause = { ...cause, overruled };
    const [depth, text] = told(step, cause);
    if (step.message === "refusal") cause = undefined;
    return `${"  ".repeat(depth)}${text}`;
  };
}

interface Cause {
  readonly plugin: string;
  readonly hook: string;
  readonly why: string;
  readonly overruled: boolean;
}

const FAULT = /^Plugin (.+?) failed in hook (\S+?): ([^]*)$/;

/** What a plugin did that ends in a refusal, unless somebody overrules it. */
function refusalOf({ message, fields }: Step): Omit<Cause, "overruled"> | undefined {
  const [, broken, at, reason] = FAULT.exec(message) ?? [];
  if (broken !== undefined) return { plugin: broken, hook: at!, why: `failed: ${reason}` };
  if (message !== "verdict" || !/^(deny|defer|hangUp)$/.test(fields.verdict ?? "")) return undefined;
  return { plugin: fields.plugin ?? "?", hook: fields.hook ?? "?", why: `said ${said(fields)}` };
}

/** How deep a step stands, and its words. */
function told(step: Step, cause: Cause | undefined): [number, string] {
  const { message, fields, level } = step;
  const write = STEPS[message];
  if (write !== undefined) return write(fields, cause);
  const [, verb, address] = /^(sender|recipient) (<.*>)$/.exec(message) ?? [];
  if (verb !== undefined) return [0, `${verb} ${address}: ${fields.code} ${fields.msg}`];
  if (FAULT.test(message)) return [1, message];
  if (level === "PROTOCOL") return [0, message];
  const more = Object.entries(fields).map(([key, value]) => ` ${key}=${value}`).join("");
  const origin = /^(core|)$/.test(step.origin) ? "" : `${step.origin}: `;
  return [1, `${level.toLowerCase()}: ${origin}${message}${more}`];
}

const STEPS: Readonly<Record<string, (fields: Fields, cause: Cause | undefined) => [number, string]>> = {
  connect: (
    { ip, port, local_ip, local_port },
  ) => [0, `connect from ${ip} port ${port} to ${local_ip} port ${local_port}`],
  secured: ({ version, cipher }) => [0, `secured by ${version}, ${cipher}`],
  verdict: (fields) => [1, `${fields.hook}: ${fields.plugin} said ${said(fields)}${took(fields)}`],
  hook: (fields) => [1, `${fields.hook}: ${fields.plugin} said nothing${took(fields)}`],
  lookup: (fields) => [2, `looked up ${fields.type} ${fields.name}: ${fields.answer}${took(fields)}`],
  dial: (fields) => [2, `connected to ${fields.to}: ${fields.answer}${took(fields)}`],
  refusal: (fields, cause) => [0, `${fields.to} answered ${fields.code} ${fields.msg}, ${because(fields, cause)}`],
  message: ({ mid, size, delay, code, msg }) => [0, `message ${mid}, ${size} octets in ${delay} s: ${code} ${msg}`],
  queue: ({ code, msg }) => [0, `queue: ${code} ${msg}`],
  disconnect: ({ time, msgs, rcpts, errors }) => {
    return [
      0,
      `disconnect after ${time} s: messages ${msgs}, recipients ${rcpts} (taken/put off/refused), errors ${errors}`,
    ];
  },
  delivered: (
    { domain, host, ip, response, delay },
  ) => [0, `delivered to ${domain} by ${host} [${ip}] after ${delay} s: ${response}`],
  deferred: ({ domain, delay, err }) => [0, `deferred for ${domain}, again in ${delay} s: ${err}`],
  bounced: ({ domain, err }) => [0, `bounced for ${domain}: ${err}`],
};

function because({ to, code }: Fields, cause: Cause | undefined): string {
  if (cause !== undefined && !cause.overruled) return `because ${cause.plugin} ${cause.why} at ${cause.hook}`;
  return to === "RCPT" && code === "550" ? "because no plugin claimed the recipient" : "by the server itself";
}

function said({ verdict, msg }: Fields): string {
  return msg === undefined || msg === "" ? `${verdict}` : `${verdict} "${msg}"`;
}

function took({ ms }: Fields): string {
  return ms === undefined ? "" : ` (${ms} ms)`;
}
