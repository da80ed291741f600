/** http.ini (spec 01 §3.4). */
import { fileShape } from "../shape.ts";

export const HTTP_INI = fileShape({
  file: "http.ini",
  about: "The server for status, metrics and the pages of plugins. Read at start.",
  shape: {
    main: {
      listen: {
        type: "words",
        default: [],
        about: "Endpoints, as in smtp.ini; none is no HTTP. Port 443 speaks HTTPS.",
      },
      docroot: { type: "optional-text", about: "Directory of static files; by default http/html of the site." },
    },
  },
});
