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
        about: "Publish every change of results on the channel result-ID, where the plugin redis holds a connection.",
      },
    },
    "*": {
      hide: { type: "words", default: [], about: "For the plugin of this name: results to leave out of the summary." },
      order: {
        type: "words",
        default: [],
        about: "For the plugin of this name: results that its summary begins with, in this order; the others follow.",
      },
      debug: {
        type: "boolean",
        default: false,
        about: "For the plugin of this name: log every change of its results in full, at INFO.",
      },
    },
  },
});
