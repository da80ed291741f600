/** Queue files as Haraka writes them (spec 02 §3), by hand. */
import { utf8Encode } from "../../../src/base/bytes.ts";

export interface HarakaFileOptions {
  readonly todo?: Record<string, unknown>;
  /** In wire form. */
  readonly message?: string;
  /** In place of the length there is. */
  readonly length?: number;
}

export const address = (user: string, host: string) => ({
  original: `${user}@${host}`,
  original_host: host,
  host,
  user,
});

export function harakaFile(
  { todo = {}, message = "Subject: x\r\n\r\nHello\r\n", length }: HarakaFileOptions = {},
): Uint8Array {
  const whole = {
    queue_time: 1_700_000_000_000,
    domain: "one.example",
    rcpt_to: [address("a", "one.example")],
    mail_from: address("us", "home.example"),
    notes: {},
    uuid: "E9A1C516-2F26-4C01-B71F-A604BA6810AA.1",
    force_tls: false,
    ...todo,
  };
  const json = utf8Encode(`\n${JSON.stringify(whole, null, "\t")}\n`);
  const body = utf8Encode(message);
  const bytes = new Uint8Array(4 + json.length + body.length);
  new DataView(bytes.buffer).setUint32(0, length ?? json.length);
  bytes.set(json, 4);
  bytes.set(body, 4 + json.length);
  return bytes;
}

/** Names of the form in use, one for each number. */
const ARRIVAL = 1_700_000_000_000;

export const harakaName = (n: number, { next = ARRIVAL, attempts = 0 } = {}) =>
  `${ARRIVAL}_${next}_${attempts}_812_wfiyQ${n}_${n}_mx.example`;
