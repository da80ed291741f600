/** Has vpopmaild, the daemon of vpopmail, check user and password; with a sysadmin's account also for CRAM-MD5. */
import { fileShape, type Machine, type Plugin } from "kasi";
import { type Answer, judged, offerClear } from "./ask_server.ts";
import { constrainSender } from "./auth_base.ts";
import { type LineClient, talkTo } from "./line_client.ts";

const SERVER = {
  host: { type: "text", default: "127.0.0.6", about: "Where vpopmaild listens." },
  port: { type: "integer", default: 89, min: 1, max: 65535, about: "Its port." },
  sysadmin: {
    type: "optional-text",
    about: "user:password of an account that may read clear-text passwords; with it CRAM-MD5 is offered.",
  },
} as const;
const AUTH_VPOPMAILD_INI = fileShape({
  file: "auth_vpopmaild.ini",
  about: "The vpopmaild that knows the passwords. A section [example.com] is for the users of that domain.",
  shape: {
    main: {
      ...SERVER,
      constrain_sender: {
        type: "boolean",
        default: true,
        about: "The sender's domain must be that of the user's name, when that has one.",
      },
      timeout: { type: "number", default: 30, min: 1, about: "Seconds that an answer may take." },
    },
    "*": SERVER,
  },
});

export default {
  name: "auth/auth_vpopmaild",
  about: "Checks users against vpopmaild (auth_vpopmaild.ini).",
  files: [AUTH_VPOPMAILD_INI],
  async setup(host) {
    const { config, machine, signal, name } = host;
    const settings = await config.ini(AUTH_VPOPMAILD_INI);

    function serverOf(user: string): Server {
      const { main, "*": byDomain } = settings.value;
      return { ...main, ...byDomain[user.slice(user.lastIndexOf("@") + 1).toLowerCase()] };
    }

    return {
      capabilities({ session, capabilities: { auth } }) {
        offerClear(session, auth);
        if (session.tls !== undefined && settings.value.main.sysadmin !== undefined) auth.add("CRAM-MD5");
      },
      auth({ session, attempt }) {
        const { user, password } = attempt;
        const server = serverOf(user);
        const limits = { timeoutMs: settings.value.main.timeout * 1000, signal };
        if (password !== undefined) {
          return judged(host, session, attempt, login(machine, server, limits, user, password));
        }
        if (server.sysadmin === undefined) return;
        const known = clearPassword(machine, server, limits, user);
        const answer = known.then(async (found): Promise<Answer> => {
          if (typeof found !== "string") return found;
          return { kind: await attempt.matches(found) ? "right" : "wrong" };
        });
        return judged(host, session, attempt, answer);
      },
      mail({ session, transaction, sender }) {
        if (session.auth === undefined || !settings.value.main.constrain_sender) return;
        const refusal = constrainSender(session.auth.user, sender);
        transaction.results.add(name, refusal ? { fail: "constrain_sender" } : { pass: "constrain_sender" });
        return refusal;
      },
    };
  },
} satisfies Plugin;

type Server = { readonly host: string; readonly port: number; readonly sysadmin?: string | undefined };
type Limits = { readonly timeoutMs: number; readonly signal: AbortSignal };

async function login(
  machine: Machine,
  server: Server,
  limits: Limits,
  user: string,
  password: string,
): Promise<Answer> {
  return await talkTo(machine, { hostname: server.host, port: server.port }, limits, async (client) => {
    const said = await slogin(client, user, password);
    if (said !== "+OK") return { kind: "wrong" };
    await client.say("quit");
    return { kind: "right" };
  });
}

/** The user's password in clear; else what it came to. */
async function clearPassword(machine: Machine, server: Server, limits: Limits, user: string): Promise<string | Answer> {
  return await talkTo(machine, { hostname: server.host, port: server.port }, limits, async (client) => {
    const { sysadmin = "" } = server;
    const colon = sysadmin.indexOf(":");
    const said = await slogin(client, sysadmin.slice(0, colon), sysadmin.slice(colon + 1));
    if (said !== "+OK") {
      return { kind: "trouble", detail: "vpopmaild does not know the sysadmin of auth_vpopmaild.ini" };
    }
    await client.say(`user_info ${oneWord(user)}`);
    let found: string | undefined;
    for (;;) {
      const line = await client.line();
      if (line.startsWith("-ERR")) return { kind: "unknown" };
      if (line === ".") break; // the end of the list
      found ??= /^clear_text_password (.+)$/.exec(line)?.[1];
    }
    await client.say("quit");
    return found ?? { kind: "unknown" };
  });
}

/** The first word of the answer to `slogin`. */
async function slogin(client: LineClient, user: string, password: string): Promise<string> {
  const greeting = await client.line();
  if (!greeting.startsWith("+OK")) throw new Error(`vpopmaild greets with ${greeting.slice(0, 100)}`);
  await client.say(`slogin ${oneWord(user)} ${password}`);
  const said = (await client.line()).split(" ")[0]!;
  if (said !== "+OK" && said !== "-ERR") throw new Error(`vpopmaild answers slogin with ${said.slice(0, 100)}`);
  return said;
}

/** A blank in a name would make two words of it. */
function oneWord(user: string): string {
  if (/\s/.test(user)) throw new RangeError("a user name with a blank is nobody's");
  return user;
}
