/**
 * `kasi -i DIR`: makes a site directory. Existing files are kept, with a word on standard error, unless `-f` is given.
 *
 * Copies the shipped configuration, but listens on port 25 of all addresses, serves the machine's own name, and relays for nobody who isn't on
 * this machine.
 */
import { exists } from "../host/exists.ts";
import type { Machine } from "../host/types.ts";
import { shippedPath } from "../server/site.ts";
import type { Terminal } from "./terminal.ts";

const README = `# A Kasi site

- \`config/\`: what Kasi reads. \`config/plugins\` lists the plugins, \`config/smtp.ini\` says where to listen. Every file has a page:
  \`kasi -h smtp.ini\`.
- \`plugins/\`: your own plugins, ES modules named as in \`config/plugins\`.
- \`docs/\`: pages of your own; \`kasi -c DIR -h NAME\` shows \`docs/NAME.md\` and \`docs/plugins/NAME.md\`.
- \`queue/\`, \`mail/\`, \`tls/\`: written by the server.

Start it with \`kasi -c DIR\`; check it first with \`kasi check -c DIR\`.
`;

/** For the server's own eyes: whoever installs is whoever serves, or gives the files to them. */
const SECRET = 0o600;
/** Files of the shipped configuration that passwords will stand in. */
const SECRETS: ReadonlySet<string> = new Set(["auth_flat_file.ini", "smtp_forward.ini", "smtp_proxy.ini"]);

/** Files of the shipped configuration that a site does not want as they are. */
function own(name: string, text: string, hostname: string): string {
  if (name === "smtp.ini") return text.replace(/^listen\s*=.*$/m, "listen=[::0]:25");
  if (name === "host_list") return `${hostname}\n`;
  return text;
}

export function install(
  action: { readonly dir: string; readonly force: boolean },
  { machine, out }: { machine: Machine; out: Terminal },
): number {
  const { host } = machine;
  const dir = action.dir.replace(/\/+$/, "") || "/";
  for (const folder of ["", "/config", "/plugins", "/docs"]) host.mkdirSync(dir + folder, { recursive: true });
  const put = (path: string, text: string, mode = 0o644) => {
    if (!action.force && exists(host, path)) return out.complain(`EEXIST, File exists '${path}'`);
    host.writeTextFileSync(path, text, { mode });
    // The mode of a new file does not change an old one's.
    if (mode === SECRET) host.chmodSync(path, mode);
  };
  const hostname = host.hostname();
  const shipped = shippedPath("config");
  for (const entry of host.readDirSync(shipped)) {
    if (!entry.isFile) continue;
    const text = own(entry.name, host.readTextFileSync(`${shipped}/${entry.name}`), hostname);
    put(`${dir}/config/${entry.name}`, text, SECRETS.has(entry.name) ? SECRET : 0o644);
  }
  put(`${dir}/config/me`, `${hostname}\n`);
  put(`${dir}/config/internalcmd_key`, `${secret()}\n`, SECRET);
  put(`${dir}/README.md`, README);
  return out.say(`Made ${dir}. Look at ${dir}/config, then start it with: kasi -c ${dir}`);
}

/** 64 hex digits from a cryptographic source. */
function secret(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
