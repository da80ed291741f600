/** smtp.ini: listeners and the process; and the keys that 3.1 moved to connection.ini (spec 01 §3.2). */
import { fileShape } from "../shape.ts";

const MOVED = "Moved to connection.ini, where it has the same name; read here while it is not set there.";

export const SMTP_INI = fileShape({
  file: "smtp.ini",
  about: "Where the server listens, and how its process runs. Read at start.",
  shape: {
    main: {
      listen: {
        type: "words",
        default: ["[::0]:25"],
        about:
          "Endpoints: a port, host:port, 1.2.3.4:25, [v6]:25, or the path of a Unix socket with an optional :mode. " +
          "localhost stands for 127.0.0.1 and ::1.",
      },
      port: { type: "optional-text", about: "Old: with listen_host, one more endpoint in front of those of listen." },
      listen_host: { type: "optional-text", about: "Old: see port. The default is [::0]." },
      smtps_port: {
        type: "integer",
        default: 465,
        min: 0,
        max: 65_535,
        about: "Listeners on this port speak TLS from the first byte.",
      },
      public_ip: {
        type: "optional-text",
        about: "Our address as others see it, where it is none of this machine's interfaces.",
      },
      inactivity_timeout: {
        type: "number",
        default: 300,
        min: 0,
        about: "Seconds without a word from a client before we hang up.",
        was: ["inactivity_time"],
      },
      nodes: {
        type: "text",
        default: "0",
        about: "Worker threads, or cpus for one per processor; 0: one thread serves. See docs/workers.md.",
      },
      user: {
        type: "optional-text",
        about:
          "Name or id of the user to become once the listeners are bound; all that is read and written later must be theirs.",
      },
      group: {
        type: "optional-text",
        about: "Name or id of the group to become once the listeners are bound; the default is the user's own.",
      },
      ignore_bad_plugins: {
        type: "boolean",
        default: false,
        about: "Start without a plugin that cannot be loaded, instead of not at all.",
      },
      daemonize: {
        type: "boolean",
        default: false,
        about: "Go to the background. A supervisor such as systemd does this better.",
      },
      daemon_log_file: {
        type: "text",
        default: "/var/log/kasi.log",
        about: "Where standard output and error go in the background.",
      },
      daemon_pid_file: {
        type: "text",
        default: "/var/run/kasi.pid",
        about: "Holds the process id in the background; one that names a running process stops the start.",
      },
      graceful_shutdown: {
        type: "boolean",
        default: false,
        about:
          "Give sessions, deliveries and plugins up to force_shutdown_timeout to finish before the process ends; else 5 seconds.",
      },
      force_shutdown_timeout: {
        type: "number",
        default: 30,
        min: 0,
        about: "Seconds that a graceful shutdown may take.",
      },
      on_uncaught: {
        type: "choice",
        of: ["continue", "exit"],
        default: "continue",
        about:
          "A fault outside of any hook, such as a plugin's timer that throws: it is logged with its stack, and then mail goes on, or the process ends with 1.",
      },
      spool_dir: { type: "optional-text", about: MOVED },
      spool_after: { type: "integer", default: 1_048_576, min: -1, about: MOVED },
      strict_rfc1869: { type: "boolean", default: false, about: MOVED },
      smtputf8: { type: "boolean", default: true, about: MOVED },
    },
    headers: {
      add_received: { type: "boolean", default: true, about: MOVED },
      show_version: { type: "boolean", default: true, about: MOVED },
      clean_auth_results: { type: "boolean", default: true, about: MOVED },
      max_received: { type: "integer", default: 100, min: 0, about: MOVED },
      max_lines: { type: "integer", default: 1000, min: 0, about: MOVED },
    },
  },
});
