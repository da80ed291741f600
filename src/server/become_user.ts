/**
 * `user` and `group` of smtp.ini: the process binds its sockets, then becomes that user for good, then opens everything else.
 *
 * So the queue, the plugins and the certificates are that user's affair alone, and root never reads a message. {@linkcode planUser} throws
 * ConfigError for a user that does not exist or cannot be become.
 */
import { ConfigError } from "../base/config_error.ts";
import type { ServerSettings } from "../config/core_types.ts";
import { exists } from "../host/exists.ts";
import { type Account, becomeUser, currentUser, giveTo } from "../host/privileges.ts";
import type { Host } from "../host/types.ts";

const ANOTHER_WAY =
  "start it as that user instead, with the capability CAP_NET_BIND_SERVICE for ports below 1024 (systemd: User= and AmbientCapabilities=)";

export interface UserPlan {
  readonly account: Account;
  /** As the operator wrote it. */
  readonly label: string;
}

type Settings = Pick<ServerSettings, "user" | "group" | "nodes" | "listen">;
type Disk = Pick<Host, "readTextFileSync">;

/** undefined when nothing is asked for, or we are that user already. */
export function planUser(settings: Settings, host: Disk, now = currentUser()): UserPlan | undefined {
  const { user, group } = settings;
  if (user === undefined && group === undefined) return undefined;
  const entry = user === undefined ? undefined : passwdEntry(host, user);
  if (user !== undefined && entry === undefined) throw slip("user", user, "a user of this machine, by name or id");
  const gid = group === undefined ? entry?.gid : groupId(host, group);
  if (gid === undefined) throw slip("group", group, "a group of this machine, by name or id");
  if (now === undefined) throw slip("user", user, `nothing, as this system has no such users`);
  const account: Account = { uid: entry?.uid ?? now.uid, gid, name: entry?.name };
  if (account.uid === now.uid && account.gid === now.gid) return undefined;
  if (now.uid !== 0) throw slip("user", user ?? group, `nothing, unless it is started by root; ${ANOTHER_WAY}`);
  const privileged = settings.listen.find((each) => each.kind === "tcp" && each.port > 0 && each.port < 1024);
  if (settings.nodes !== 0 && privileged !== undefined) {
    // A worker that is replaced binds anew, and only root could.
    throw slip("user", user ?? group, `nodes=0, or ports from 1024 on; or ${ANOTHER_WAY}`);
  }
  return { account, label: [user, group].filter((each) => each !== undefined).join(":") };
}

/** Makes what is missing of the directories written to, for the user to own, and becomes it. Rejects when that cannot be done wholly. */
export async function dropTo(
  { account, label }: UserPlan,
  { host, dirs }: { readonly host: Host; readonly dirs: readonly string[] },
): Promise<void> {
  for (const dir of dirs) {
    if (exists(host, dir)) continue;
    host.mkdirSync(dir, { recursive: true, mode: 0o750 });
    giveTo(dir, account);
  }
  try {
    await becomeUser(account);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot become the user ${label} of smtp.ini: ${reason}; ${ANOTHER_WAY}`, { cause });
  }
}

function slip(setting: string, current: string | undefined, wanted: string): ConfigError {
  return new ConfigError({
    file: "smtp.ini",
    setting: `[main] ${setting}`,
    ...(current === undefined ? {} : { current }),
    wanted,
  });
}

/** passwd(5): name, password, uid, gid, … An id without an entry stands for itself. */
function passwdEntry(
  host: Disk,
  user: string,
): { readonly uid: number; readonly gid: number | undefined; readonly name: string | undefined } | undefined {
  const row = rows(host, "/etc/passwd").find(([name, , uid]) => name === user || uid === user);
  if (row !== undefined) return { uid: Number(row[2]), gid: Number(row[3]), name: row[0] };
  return /^\d+$/.test(user) ? { uid: Number(user), gid: undefined, name: undefined } : undefined;
}

/** group(5): name, password, gid, … */
function groupId(host: Disk, group: string): number | undefined {
  const row = rows(host, "/etc/group").find(([name, , gid]) => name === group || gid === group);
  if (row !== undefined) return Number(row[2]);
  return /^\d+$/.test(group) ? Number(group) : undefined;
}

function rows(host: Disk, path: string): string[][] {
  return host.readTextFileSync(path).split("\n").map((line) => line.split(":"));
}
