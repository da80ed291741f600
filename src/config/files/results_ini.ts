/** results.ini (spec 01 §12). */
import { fileShape } from "../shape.ts";

export const RESULTS_INI = fileShape({
  file: "results.ini",
  about: "How the results that plugins note are shown.",
  shape: {
    main: {
      redis_publish: {
        type: "boolean",
        default: true,
        about: "Publish every result where a plugin holds a Redis connection.",
      },
    },
    "*": {
      hide: { type: "words", default: [], about: "For the plugin of this name: results to leave out of the summary." },
      order: {
        type: "words",
        default: [],
        about: "For the plugin of this name: results in the order of the summary; others are left out.",
      },
      debug: { type: "boolean", default: false, about: "For the plugin of this name: log its results in full." },
    },
  },
});
