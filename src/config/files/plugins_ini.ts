/** plugins.ini: how plugins are run. Which ones is the list `plugins`. */
import { fileShape } from "../shape.ts";

export const PLUGINS_INI = fileShape({
  file: "plugins.ini",
  about: "How plugins are run. Which ones, and in which order, stands in the list plugins.",
  shape: {
    main: {
      on_fault: {
        type: "choice",
        of: ["defer", "continue"],
        default: "defer",
        about: "A hook function that throws: refuse for now (4xx), or carry on as if it had said nothing.",
      },
      plugin_timeout: {
        type: "number",
        default: 30,
        min: 0,
        about: "Seconds a hook function may take; 0 is no limit. A file NAME.timeout says it for one plugin.",
      },
    },
    sha256: {
      open: true,
      about:
        "URL = SHA-256 of a plugin from the network, all its files taken together; the log says it when the plugin is loaded. What differs is not run.",
    },
  },
});
