/** net-utils.ini. */
import { fileShape } from "../shape.ts";

export const NET_UTILS_INI = fileShape({
  file: "net-utils.ini",
  about: "Look-ups in the DNS.",
  shape: {
    dns: {
      timeout: {
        type: "integer",
        default: 3000,
        min: 1,
        about: "Milliseconds to wait for a server's answer before the next is asked.",
      },
      tries: { type: "integer", default: 2, min: 1, about: "How often each server is asked, in turn with the others." },
    },
  },
});
