/** net-utils.ini. */
import { fileShape } from "../shape.ts";

export const NET_UTILS_INI = fileShape({
  file: "net-utils.ini",
  about: "Look-ups in the DNS.",
  shape: {
    dns: {
      timeout: { type: "integer", default: 25_000, min: 1, about: "Milliseconds to wait for an answer." },
      tries: { type: "integer", default: 1, min: 1, about: "How often each server is asked." },
    },
  },
});
