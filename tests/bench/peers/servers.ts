/**
 * The servers that are compared, each configured fairly: logging of errors only, no plugins but one that accepts all, the queue on the same
 * disk, durability as shipped (Haraka fsyncs each file, Postfix fsyncs each file, Kasi shares an fdatasync between messages).
 */
import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { ROOT, which } from "../../setup.ts";
import { type Running, start } from "./processes.ts";

/** `discard`: accept and throw away. `relay`: accept, keep durably, deliver to the sink. */
export type Task = "discard" | "relay";
export interface Place {
  readonly dir: string;
  readonly port: number;
  readonly sinkPort: number;
  readonly task: Task;
  /** Recipients of a message, each in a domain of its own; domain `dN.…` is served by the sink at 127.0.1.N. */
  readonly domains: number;
}
export interface Server {
  readonly name: string;
  /** Gets fewer messages, so that a round takes seconds. */
  readonly slow: boolean;
  /** Whether it can deliver one message to many domains. */
  readonly fansOut: boolean;
  readonly start: (place: Place) => Running;
}

const write = (path: string, text: string) => {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
};

/** A site directory as `haraka -i` makes it, with one plugin in the place of the shipped list. */
export function haraka(node: string, home: string): Server {
  return {
    name: "Haraka",
    slow: true,
    fansOut: true,
    start({ dir, port, sinkPort, task }) {
      execFileSync(node, [join(home, "node_modules/Haraka/bin/haraka"), "-i", dir], { stdio: "ignore" });
      write(join(dir, "config/smtp.ini"), `listen=127.0.0.1:${port}\nnodes=0\n`);
      write(join(dir, "config/log.ini"), "[main]\nlevel=error\n");
      write(join(dir, "config/plugins"), "accept_all\n");
      write(join(dir, "config/outbound.ini"), "concurrency_max=100\nenable_tls=false\nlocal_mx_ok=true\n");
      write(
        join(dir, "plugins/accept_all.js"),
        `exports.hook_rcpt = function (next, connection) { ${
          task === "relay" ? "connection.relaying = true;" : ""
        } next(OK); };\n` +
          (task === "discard"
            ? "exports.hook_queue = (next) => next(OK);\n"
            : `exports.hook_get_mx = (next, hmail, domain) => {\n  const n = /^d(\\d+)\\./.exec(domain);\n` +
              `  next(OK, { exchange: n ? "127.0.1." + n[1] : "127.0.0.1", port: ${sinkPort}, priority: 0 });\n};\n`),
      );
      return start([node, join(home, "node_modules/Haraka/bin/haraka"), "-c", dir], {
        cwd: dir,
        logFile: join(dir, "server.log"),
      });
    },
  };
}

/** Postfix's services whose sockets are not private. */
const PUBLIC = new Set(["pickup", "cleanup", "qmgr", "flush", "showq"]);

/** An instance of its own beside the system's; started in the foreground so that it can be ended by its process id. */
export function postfix(): Server {
  return {
    name: "Postfix",
    slow: true,
    fansOut: true,
    start({ dir, port, sinkPort, task, domains }) {
      mkdirSync(join(dir, "data"), { recursive: true });
      mkdirSync(join(dir, "queue"), { recursive: true });
      chmodSync(dir, 0o755);
      execFileSync("chown", ["postfix", join(dir, "data")]);
      write(
        join(dir, "etc/main.cf"),
        [
          "compatibility_level = 3.6",
          `queue_directory = ${dir}/queue`,
          `data_directory = ${dir}/data`,
          "command_directory = /usr/sbin",
          "daemon_directory = /usr/lib/postfix/sbin",
          "mail_owner = postfix",
          "setgid_group = postdrop",
          "inet_interfaces = 127.0.0.1",
          "inet_protocols = ipv4",
          "myhostname = bench.localhost",
          "mydestination =",
          "mynetworks = 127.0.0.0/8",
          "smtpd_recipient_restrictions = permit_mynetworks, reject",
          "smtp_tls_security_level = none",
          "smtpd_tls_security_level = none",
          "smtpd_client_connection_count_limit = 0",
          "smtpd_client_connection_rate_limit = 0",
          "maximal_queue_lifetime = 1d",
          "bounce_queue_lifetime = 1d",
          "syslog_name = kasi-bench",
          task === "relay" ? `relayhost = [127.0.0.1]:${sinkPort}` : "default_transport = discard:",
          ...(domains > 1 ? [`transport_maps = texthash:${dir}/etc/transport`] : []),
          "",
        ].join("\n"),
      );
      // A transport map of Postfix's takes no substitutions: a line for each domain.
      const hops = Array.from(
        { length: domains },
        (_, n) => `d${n + 1}.bench.localhost smtp:[127.0.1.${n + 1}]:${sinkPort}\n`,
      );
      write(join(dir, "etc/transport"), hops.join(""));
      const service = (name: string, type: string, command: string, wake = "-", limit = "-") =>
        `${name} ${type} ${PUBLIC.has(name) ? "n" : "-"} - n ${wake} ${limit} ${command}`;
      write(
        join(dir, "etc/master.cf"),
        [
          `127.0.0.1:${port} inet n - n - - smtpd`,
          service("pickup", "unix", "pickup", "60", "1"),
          service("cleanup", "unix", "cleanup", "-", "0"),
          service("qmgr", "unix", "qmgr", "300", "1"),
          service("tlsmgr", "unix", "tlsmgr", "1000?", "1"),
          service("rewrite", "unix", "trivial-rewrite"),
          service("bounce", "unix", "bounce", "-", "0"),
          service("defer", "unix", "bounce", "-", "0"),
          service("trace", "unix", "bounce", "-", "0"),
          service("verify", "unix", "verify", "-", "1"),
          service("flush", "unix", "flush", "1000?", "0"),
          "proxymap unix - - n - - proxymap",
          service("smtp", "unix", "smtp"),
          service("relay", "unix", "smtp"),
          service("showq", "unix", "showq"),
          service("error", "unix", "error"),
          service("retry", "unix", "error"),
          service("discard", "unix", "discard"),
          service("anvil", "unix", "anvil", "-", "1"),
          service("scache", "unix", "scache", "-", "1"),
          "",
        ].join("\n"),
      );
      execFileSync(which("postfix")!, ["-c", join(dir, "etc"), "check"], { stdio: "ignore" });
      return start(["/usr/lib/postfix/sbin/master", "-c", join(dir, "etc"), "-d"], {
        logFile: join(dir, "server.log"),
      });
    },
  };
}

/** Kasi from this checkout: its own site directory, one plugin as Haraka has. `workers` 0: one process with one thread for all. */
export function kasi(name: string, runtime: readonly string[], workers = 0): Server {
  return {
    name,
    slow: false,
    fansOut: true,
    start({ dir, port, sinkPort, task }) {
      mkdirSync(join(dir, "config"), { recursive: true });
      cpSync(join(ROOT, "tests/bench/peers/accept_all.ts"), join(dir, "plugins/accept_all.ts"), { recursive: true });
      write(join(dir, "config/smtp.ini"), `listen=127.0.0.1:${port}\nnodes=${workers}\n`);
      write(join(dir, "config/log.ini"), "[main]\nlevel=error\n");
      write(join(dir, "config/plugins"), "accept_all\n");
      write(join(dir, "config/me"), "bench.localhost\n");
      write(join(dir, "config/outbound.ini"), "concurrency_max=100\nenable_tls=false\nlocal_mx_ok=true\n");
      write(join(dir, "config/accept_all.ini"), `task=${task}\nsink_port=${sinkPort}\n`);
      return start([...runtime, join(ROOT, "mod.ts"), "-c", dir], { cwd: ROOT, logFile: join(dir, "server.log") });
    },
  };
}

/** The bare relay: the ceiling with no policy at all. */
export function floor(deno: string): Server {
  return {
    name: "bare relay",
    slow: false,
    fansOut: false,
    start({ dir, port, sinkPort, task }) {
      mkdirSync(dir, { recursive: true });
      const script = join(ROOT, "tests/bench/relay_floor.ts");
      return start([
        deno,
        "run",
        "-A",
        "--no-check",
        script,
        String(port),
        String(sinkPort),
        join(dir, "floor.log"),
        task,
      ], { logFile: join(dir, "server.log") });
    },
  };
}
