/** The numbers that Haraka's plugins give back, and the names they know them by (spec 01 §7.3). */

const CODES = {
  CONT: 900,
  STOP: 901,
  DENY: 902,
  DENYSOFT: 903,
  DENYDISCONNECT: 904,
  DISCONNECT: 905,
  OK: 906,
  NEXT_HOOK: 907,
  DELAY: 908,
  DENYSOFTDISCONNECT: 909,
} as const;
export type CodeName = keyof typeof CODES;

const STATES = {
  CMD: 1,
  LOOP: 2,
  DATA: 3,
  PAUSE: 4,
  PAUSE_SMTP: 5,
  PAUSE_DATA: 6,
  DISCONNECTING: 99,
  DISCONNECTED: 100,
} as const;

/** Linux's open(2) flags O_WRONLY | O_CREAT | O_EXCL | O_TRUNC, which plugins hand to `fs.open`. */
const WRITE_EXCL = 1 | 64 | 128 | 512;

/** What stands in every plugin's scope. */
export const GLOBALS: Readonly<Record<string, number>> = { ...CODES, WRITE_EXCL };

export function codeName(code: number): CodeName | undefined {
  return (Object.keys(CODES) as CodeName[]).find((name) => CODES[name] === code);
}

/** `require('haraka-constants')`: lower-case and upper-case names, states, `translate`, `import`. */
export const CONSTANTS: Readonly<Record<string, unknown>> = {
  ...GLOBALS,
  ...Object.fromEntries(Object.entries(CODES).map(([name, code]) => [name.toLowerCase(), code])),
  denysoftdisconnect: CODES.DENYSOFTDISCONNECT,
  connection: {
    state: { ...STATES, ...Object.fromEntries(Object.entries(STATES).map(([k, v]) => [`STATE_${k}`, v])) },
  },
  translate: (code: number): string => codeName(code) ?? "UNKNOWN",
  import: (into: Record<string, unknown>): void => void Object.assign(into, GLOBALS),
};
