/** log.ini (spec 01 §6). */
import { fileShape } from "../shape.ts";

export const LOG_INI = fileShape({
  file: "log.ini",
  about: "What is logged, and how a line looks. Changes count at once.",
  shape: {
    main: {
      level: {
        type: "text",
        default: "info",
        about:
          "Least important level to log: data, protocol, debug, info, notice, warn, error, crit, alert, emerg; or its number, 9 to 0.",
      },
      timestamps: { type: "boolean", default: false, about: "Begin each line with the time (ISO 8601, UTC)." },
      format: { type: "choice", of: ["default", "logfmt", "json"], default: "default", about: "Form of a line." },
    },
  },
});
