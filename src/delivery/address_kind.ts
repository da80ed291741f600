/** Tells addresses from host names by their form, which is all the road needs; `base/ip.ts` reads them. */

/** 4, 6, or 0 when `text` is no IP address. */
export function familyOf(text: string): 0 | 4 | 6 {
  if (text.includes(":")) return 6;
  const last = text.charCodeAt(text.length - 1);
  return last >= 48 && last <= 57 && /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ? 4 : 0;
}
