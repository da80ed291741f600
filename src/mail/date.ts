/**
 * Dates of the Internet message format (RFC 5322 §3.3).
 *
 * `formatDate` writes `Sun, 22 Nov 2026 11:00:41 +0000`; `parseDate` reads that and the obsolete forms of §4.3.
 */
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** RFC 5322 §4.3; the military letters say nothing reliable and count as UTC. */
const ZONES: { readonly [name: string]: number } = {
  UT: 0,
  UTC: 0,
  GMT: 0,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};

let lastSecond = NaN;
let lastText = "";

/** `ms`: since the epoch. `offset`: minutes east of UTC; the machine's own zone when left out. */
export function formatDate(ms: number, offset?: number): string {
  if (offset !== undefined) return format(ms, offset);
  // Under load thousands of messages share a second, and asking for the zone is not cheap.
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastText = format(ms, -new Date(ms).getTimezoneOffset());
    lastSecond = second;
  }
  return lastText;
}

function format(ms: number, offset: number): string {
  const date = new Date(ms + offset * 60_000);
  const zone = Math.abs(offset);
  const sign = offset < 0 ? "-" : "+";
  return `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ` +
    `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ` +
    `${sign}${two(Math.floor(zone / 60))}${two(zone % 60)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

const DATE =
  /^(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})\s+([A-Za-z]{3})[a-z]*\s+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s+([+-]\d{4}|[A-Za-z]{1,5}))?$/;

/** Milliseconds since the epoch, or undefined for what is no date. */
export function parseDate(text: string): number | undefined {
  const match = DATE.exec(withoutComments(text).trim());
  if (match === null) return undefined;
  const month = MONTHS.findIndex((name) => name.toLowerCase() === match[2]!.toLowerCase());
  const [day, hour, minute, second] = [match[1], match[4], match[5], match[6] ?? "0"].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (month < 0 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const year = fullYear(match[3]!);
  // `Date.UTC` reads years below 100 as 19xx, which fullYear() has settled already.
  const at = Date.UTC(year, month, day, hour, minute, second);
  if (new Date(Date.UTC(year, month, day)).getUTCDate() !== day) return undefined;
  return at - zoneMinutes(match[7] ?? "+0000") * 60_000;
}

/** RFC 5322 §4.3: two digits below 50 are 20xx, other short years count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

function zoneMinutes(zone: string): number {
  if (zone[0] !== "+" && zone[0] !== "-") return ZONES[zone.toUpperCase()] ?? 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  return zone[0] === "-" ? -minutes : minutes;
}

/** Comments may nest (RFC 5322 §3.2.2). */
function withoutComments(text: string): string {
  if (!text.includes("(")) return text;
  let out = "";
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "\\" && depth > 0) i++;
    else if (char === "(") depth++;
    else if (char === ")" && depth > 0) depth--;
    else if (depth === 0) out += char;
  }
  return out;
}
