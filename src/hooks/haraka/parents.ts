/** Haraka's base plugins, for those of a site that inherit from them: members as they know them, over our ways. */
import { organizationalDomain } from "../../base/org_domain.ts";
import type { AuthAttempt, Session } from "../session.ts";
import { ok } from "../verdict.ts";
import type { ConnectionFace } from "./connection.ts";
import type { AddressFace } from "./address.ts";
import type { Next } from "./call.ts";
import type { PluginFace } from "./plugin.ts";
import { GLOBALS } from "./constants.ts";

type Members = Readonly<Record<string, unknown>>;
interface HostList extends PluginFace {
  host_list: Record<string, true>;
  host_list_regex: string[];
  hl_re: RegExp;
  load_host_list(): void;
  load_host_list_regex(): void;
  in_host_list(domain: string): boolean;
  in_host_regex(domain: string): boolean;
}

/** `config/host_list` and `host_list_regex`; notes a sender who is of this house. */
const hostListBase: Members = {
  load_host_list(this: HostList): void {
    const list = this.config.get("host_list", "list", () => this.load_host_list()) as string[];
    this.host_list = Object.fromEntries(list.map((domain) => [domain.toLowerCase(), true] as const));
  },
  load_host_list_regex(this: HostList): void {
    this.host_list_regex = this.config.get("host_list_regex", "list", () => this.load_host_list_regex()) as string[];
    this.hl_re = new RegExp(`^(?:${this.host_list_regex.join("|")})$`, "i");
  },
  in_host_list(this: HostList, domain: string): boolean {
    return Object.hasOwn(this.host_list ?? {}, domain);
  },
  in_host_regex(this: HostList, domain: string): boolean {
    return (this.host_list_regex ?? []).length > 0 && this.hl_re.test(domain);
  },
  hook_mail(this: HostList, next: Next, connection: ConnectionFace, [sender]: [AddressFace]): void {
    const { notes, results } = connection.transaction!;
    if (sender.host === "") {
      results.add(this, { skip: "mail_from.null", emit: true });
      return next();
    }
    if (!this.in_host_list(sender.host) && !this.in_host_regex(sender.host)) {
      results.add(this, { msg: "mail_from!local" });
      return next();
    }
    const antiSpoof = this.config.get("host_list.anti_spoof");
    if (antiSpoof && antiSpoof !== "false" && !connection.relaying) {
      results.add(this, { fail: "mail_from.anti_spoof" });
      return next(GLOBALS.DENY, `Mail from domain '${sender.host}' is not allowed from your host`);
    }
    results.add(this, { pass: "mail_from" });
    notes.local_sender = true;
    next();
  },
};

type Told<T> = (value?: T) => void;
interface AuthBase extends PluginFace {
  get_plain_passwd?(user: string, connection: ConnectionFace | Told<unknown>, told?: Told<unknown>): void;
  check_plain_passwd?(connection: ConnectionFace, user: string, password: string, told: Told<boolean>): void;
}

/**
 * The engine holds the dialogue of AUTH; the child's `check_plain_passwd(connection, user, password, callback)`, else its
 * `get_plain_passwd(user, [connection], callback)`, says whether the credentials are good.
 */
const authBase: Members = {
  register(this: AuthBase): void {
    this.listen(
      "auth",
      ({ session, attempt }: { session: Session; attempt: AuthAttempt }) =>
        judge(this, this.connectionOf(session), attempt),
    );
  },
  /** `register_hook("mail", "constrain_sender")`: who authenticated sends under their own organization's name. */
  constrain_sender(
    this: AuthBase & { cfg?: any },
    next: Next,
    connection: ConnectionFace,
    [sender]: [AddressFace],
  ): void {
    const user = String(connection.notes.auth_user ?? "");
    const domain = user.slice(user.lastIndexOf("@") + 1);
    if (this.cfg?.main?.constrain_sender === false || !user.includes("@") || sender.host === "") return next();
    const [theirs, said] = [organizationalDomain(domain), organizationalDomain(sender.host)];
    if (theirs === said) return next();
    next(GLOBALS.DENY, `Envelope domain '${said}' doesn't match AUTH domain '${theirs}'`);
  },
  hook_capabilities(next: Next, connection: ConnectionFace): void {
    if ((connection.tls as { enabled: boolean }).enabled) connection.capabilities.push("AUTH PLAIN LOGIN CRAM-MD5");
    next();
  },
};

function judge(plugin: AuthBase, connection: ConnectionFace, attempt: AuthAttempt): Promise<unknown> {
  const { user, password } = attempt;
  return new Promise((resolve) => {
    const good = (isGood: unknown) => resolve(isGood ? ok() : undefined);
    if (plugin.check_plain_passwd !== undefined && password !== undefined) {
      return plugin.check_plain_passwd(connection, user, password, good);
    }
    const told = (known: unknown) =>
      known === undefined || known === null ? good(false) : resolve(compare(attempt, String(known)));
    if (plugin.get_plain_passwd === undefined) good(false);
    else if (plugin.get_plain_passwd.length === 2) plugin.get_plain_passwd(user, told);
    else plugin.get_plain_passwd(user, connection, told);
  });
}

async function compare(attempt: AuthAttempt, known: string): Promise<unknown> {
  return await attempt.matches(known) ? ok() : undefined;
}

export const PARENTS: { readonly [name: string]: Members } = {
  "rcpt_to.host_list_base": hostListBase,
  "auth/auth_base": authBase,
};
