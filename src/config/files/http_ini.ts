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
        about:
          "Endpoints, as in smtp.ini; none is no HTTP. Port 443 speaks HTTPS. `127.0.0.1:8025` is for this machine only: no page asks for a password.",
      },
      docroot: {
        type: "optional-text",
        about:
          "Directory of static files, relative to the site; by default http/html there, else the pages that come with Kasi.",
      },
    },
  },
});
