/** Content negotiation (RFC 9110 §12.5.1), as much as choosing among a few types takes. */

/** The offer the client likes best, the earlier one among equals; undefined when it wants none of them. No header is any. */
export function preferred<T extends string>(accept: string | null, offers: readonly T[]): T | undefined {
  if (accept === null || accept.trim() === "") return offers[0];
  const ranges = accept.toLowerCase().split(",").map((text) => {
    const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    return { type, q: weight >= 0 && weight <= 1 ? weight : 0 };
  });
  let best: { readonly offer: T; readonly q: number } | undefined;
  for (const offer of offers) {
    // The most specific range speaks for a type.
    const by = [offer, `${offer.split("/")[0]}/*`, "*/*"]
      .map((type) => ranges.find((range) => range.type === type)).find((range) => range !== undefined);
    if (by !== undefined && by.q > (best?.q ?? 0)) best = { offer, q: by.q };
  }
  return best?.offer;
}
