/**
 * Exim, OpenSMTPD and Dovecot's LMTP server as next hops, from Debian's packages without installing them: `tests/setup.ts` unpacks them, and each
 * runs in a mount namespace of its own, where `/usr` has them on top and the users they want exist. Nothing outside is touched.
 *
 * All listen on loopback, keep everything in a directory of their own, and are stopped by their process id (`await using`).
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { PemPair } from "../../src/host/self_signed.ts";
import { SERVERS_ROOT } from "../setup.ts";
import { answers, ending, freePort } from "./mail_programs.ts";
import { eventually, temporaryDir } from "./site.ts";

export interface UnpackedServer extends AsyncDisposable {
  readonly port: number;
  /** What it wrote down so far. */
  log(): string;
  /** Mail it delivered to boxes of its own, as files; lines end in LF. */
  mails(): string[];
}

/** Recipients `never@…` it refuses for good, `later@…` for now. `identity`: for STARTTLS. */
export interface ServerOptions {
  readonly identity: PemPair;
  /** Where it relays to, when it has no boxes. */
  readonly nextHop?: number;
}

const USERS = ["Debian-exim", "dovecot", "dovenull", "opensmtpd", "opensmtpq"];
const SCRIPT = `set -e
mount -t overlay none -o "lowerdir=$1/root/usr:/usr" /usr
mount --bind "$2/passwd" /etc/passwd
mount --bind "$2/group" /etc/group
for each in /var/lib /var/spool /run; do mount -t tmpfs -o mode=755 none $each; done
mkdir -p /var/lib/opensmtpd/empty
cd /
shift 2
exec "$@"
`;

let why: string | undefined | null = null;

/** Why they cannot be run here; undefined when they can. */
export function withoutUnpacked(): string | undefined {
  if (why === null) why = fault();
  return why;
}

function fault(): string | undefined {
  if (!existsSync(join(SERVERS_ROOT, ".unpacked"))) return "Debian's packages could not be fetched (tests/setup.ts)";
  if (process.getuid?.() !== 0) return "a mount namespace wants root";
  const dir = temporaryDir("kasi-namespace-");
  try {
    writeUsers(dir);
    execFileSync("unshare", ["-m", "sh", "-c", SCRIPT, "sh", SERVERS_ROOT, dir, "test", "-x", "/usr/sbin/exim4"], {
      stdio: "ignore",
    });
    return undefined;
  } catch {
    return "this machine lets nobody have a mount namespace with an overlay";
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function writeUsers(dir: string): void {
  for (const [file, line] of [["passwd", "::/nonexistent:/usr/sbin/nologin"], ["group", ":"]] as const) {
    const own = USERS.map((name, i) => `${name}:x:${990 + i}${file === "passwd" ? `:${990 + i}` : ""}${line}\n`);
    copyFileSync(`/etc/${file}`, join(dir, file));
    writeFileSync(join(dir, file), `${readFileSync(join(dir, file), "utf8").trimEnd()}\n${own.join("")}`);
  }
}

interface Plan {
  readonly name: string;
  /** Files of its directory. */
  readonly files: (dir: string, port: number) => Readonly<Record<string, string>>;
  readonly command: (dir: string) => readonly string[];
  readonly boxes?: readonly string[];
}

async function start({ name, files, command, boxes = [] }: Plan, { identity }: ServerOptions): Promise<UnpackedServer> {
  const port = await freePort();
  const dir = temporaryDir(`kasi-${name}-`);
  chmodSync(dir, 0o755);
  writeUsers(dir);
  for (const each of ["mail", "spool", "log"]) {
    mkdirSync(join(dir, each));
    execFileSync("chown", ["mail:mail", join(dir, each)]);
  }
  const all = { "cert.pem": identity.cert, "key.pem": identity.key, ...files(dir, port) };
  for (const [file, text] of Object.entries(all)) writeFileSync(join(dir, file), text, { mode: 0o644 });
  chmodSync(join(dir, "key.pem"), name === "exim" ? 0o644 : 0o600);
  const args = ["-m", "sh", "-c", SCRIPT, "sh", SERVERS_ROOT, dir, ...command(dir)];
  const child = spawn("unshare", args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (bytes: Uint8Array) => output += new TextDecoder().decode(bytes));
  }
  const stop = ending(child, () => rmSync(dir, { recursive: true, force: true }));
  const server: UnpackedServer = {
    port,
    log: () =>
      output + readdirSync(join(dir, "log")).map((file) => readFileSync(join(dir, "log", file), "latin1")).join(""),
    mails: () =>
      boxes.map((box) => join(dir, box)).filter((box) => existsSync(box)).flatMap((box) =>
        readdirSync(box).sort().map((file) => readFileSync(join(box, file), "latin1"))
      ),
    [Symbol.asyncDispose]: stop,
  };
  try {
    await eventually(() => answers(port), 20_000, name);
  } catch (cause) {
    const said = server.log();
    await stop();
    throw new Error(`${name} does not start: ${said}`, { cause });
  }
  return server;
}

export function startExim(options: ServerOptions): Promise<UnpackedServer> {
  return start({
    name: "exim",
    boxes: ["mail/new"],
    command: (dir) => ["/usr/sbin/exim4", "-C", `${dir}/exim.conf`, "-bdf", "-odf"],
    files: (dir, port) => ({
      "exim.conf": `keep_environment =
primary_hostname = exim.test
exim_user = mail
exim_group = mail
never_users =
spool_directory = ${dir}/spool
log_file_path = ${dir}/log/%s
pid_file_path = ${dir}/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
disable_ipv6
host_lookup =
rfc1413_hosts =
accept_8bitmime
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = ${dir}/cert.pem
tls_privatekey = ${dir}/key.pem
acl_smtp_rcpt = recipients
acl_smtp_data = accept
begin acl
recipients:
  deny local_parts = never
       message = No such user here
  defer local_parts = later
       message = Come back later
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = ${dir}/mail
  maildir_format
  user = mail
  group = mail
`,
    }),
  }, options);
}

/** Relays to `options.nextHop`. */
export function startOpenSmtpd(options: ServerOptions): Promise<UnpackedServer> {
  return start({
    name: "opensmtpd",
    command: (dir) => ["/usr/sbin/smtpd", "-d", "-f", `${dir}/smtpd.conf`],
    files: (dir, port) => ({
      "smtpd.conf": `pki hop.test cert "${dir}/cert.pem"
pki hop.test key "${dir}/key.pem"
filter "never" phase rcpt-to match rcpt-to regex { "^never@" } reject "550 5.1.1 No such user here"
filter "later" phase rcpt-to match rcpt-to regex { "^later@" } reject "451 4.2.1 Come back later"
filter "both" chain { "never", "later" }
listen on 127.0.0.1 port ${port} tls pki hop.test hostname hop.test filter "both"
action "on" relay host smtp://127.0.0.1:${options.nextHop}
match from any for any action "on"
`,
    }),
  }, options);
}

const DOVECOT = (dir: string) =>
  `base_dir = ${dir}/run
state_dir = ${dir}/run
log_path = ${dir}/log/dovecot
ssl = yes
ssl_cert = <${dir}/cert.pem
ssl_key = <${dir}/key.pem
hostname = dovecot.test
postmaster_address = postmaster@dovecot.test
mail_location = maildir:~/
first_valid_uid = 1
auth_username_format = %n
userdb {
  driver = passwd-file
  args = ${dir}/users
}
`;
const LMTP = (port: number) =>
  `service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
`;

/** Has boxes for `you` and `and`; whoever else there is, is unknown, but for `later`, whose box cannot be made. */
export function startDovecotLmtp(options: ServerOptions): Promise<UnpackedServer> {
  const homes = (dir: string) => ({ you: `${dir}/mail/you`, and: `${dir}/mail/and`, later: "/proc/nowhere" });
  return start({
    name: "dovecot",
    boxes: ["mail/you/new", "mail/and/new"],
    command: (dir) => ["/usr/sbin/dovecot", "-F", "-c", `${dir}/dovecot.conf`],
    files: (dir, port) => ({
      users: Object.entries(homes(dir)).map(([user, home]) => `${user}::8:8::${home}::\n`).join(""),
      "dovecot.conf": `protocols = lmtp
${DOVECOT(dir)}passdb {
  driver = static
  args = nopassword=y
}
${LMTP(port)}`,
    }),
  }, options);
}

export interface Dovecot extends UnpackedServer {
  readonly imap: number;
  readonly imaps: number;
  /** Its auth-userdb socket. */
  readonly userdb: string;
  /** Its LMTP socket. */
  readonly lmtp: string;
}

/** LMTP (\`port\`), IMAP and the auth socket, with these users (no colon in a password); each has a box. */
export async function startDovecot(
  { passwords, ...options }: ServerOptions & { readonly passwords: { readonly [user: string]: string } },
): Promise<Dovecot> {
  const [imap, imaps] = [await freePort(), await freePort()];
  let run = "";
  const server = await start({
    name: "dovecot",
    boxes: Object.keys(passwords).map((user) => `mail/${user}/new`),
    command: (dir) => ["/usr/sbin/dovecot", "-F", "-c", `${dir}/dovecot.conf`],
    files: (dir, port) => {
      run = `${dir}/run`;
      const line = ([user, password]: [string, string]) => `${user}:{PLAIN}${password}:8:8::${dir}/mail/${user}::\n`;
      return {
        users: Object.entries(passwords).map(line).join(""),
        "dovecot.conf": `protocols = imap lmtp
disable_plaintext_auth = no
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
${DOVECOT(dir)}passdb {
  driver = passwd-file
  args = ${dir}/users
}
service auth {
  unix_listener auth-userdb {
    mode = 0666
  }
}
service imap-login {
  inet_listener imap {
    address = 127.0.0.1
    port = ${imap}
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = ${imaps}
    ssl = yes
  }
}
${LMTP(port)}`,
      };
    },
  }, options);
  return { ...server, imap, imaps, userdb: `${run}/auth-userdb`, lmtp: `${run}/lmtp` };
}
