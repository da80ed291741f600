/** Has an IMAP server check user and password (RFC 9051 §6.2.3, LOGIN). */
import { fileShape, type Machine, type Plugin, utf8Encode } from "kasi";
import { type Answer, judged, offerClear } from "./ask_server.ts";
import { type LineClient, talkTo } from "./line_client.ts";

const SERVER = {
  host: { type: "text", default: "localhost", about: "The IMAP server." },
  port: { type: "integer", default: 143, min: 1, max: 65535, about: "Its port; 993 is usual with tls." },
  tls: {
    type: "boolean",
    default: false,
    about: "TLS from the first octet. Without it the password travels in clear.",
  },
  rejectUnauthorized: { type: "boolean", default: false, about: "Its certificate must verify." },
  users: {
    type: "words",
    default: [],
    about: "Only these users (what stands before the @) are asked about; none: all.",
  },
  connTimeout: { type: "integer", default: 10_000, min: 1, about: "Milliseconds to connect within." },
  authTimeout: { type: "integer", default: 5_000, min: 1, about: "Milliseconds more for the answer." },
} as const;

const AUTH_IMAP_INI = fileShape({
  file: "auth_imap.ini",
  about: "The IMAP server that knows the passwords. A section [example.com] is for the users of that domain.",
  shape: { main: SERVER, "*": SERVER },
});

export default {
  name: "auth/auth_imap",
  about: "Checks users against an IMAP server (auth_imap.ini).",
  files: [AUTH_IMAP_INI],
  async setup(host) {
    const { config, machine, signal } = host;
    const settings = await config.ini(AUTH_IMAP_INI);
    return {
      capabilities({ session, capabilities }) {
        offerClear(session, capabilities.auth);
      },
      auth({ session, attempt }) {
        const { user, password } = attempt;
        if (password === undefined) return;
        const [local = "", domain = ""] = user.split("@");
        const { main, "*": byDomain } = settings.value;
        const server = { ...main, ...byDomain[domain.toLowerCase()] };
        if (server.users.length > 0 && !server.users.includes(local)) return;
        return judged(host, session, attempt, imapLogin(machine, server, user, password, signal));
      },
    };
  },
} satisfies Plugin;

type Server = {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly rejectUnauthorized: boolean;
  readonly connTimeout: number;
  readonly authTimeout: number;
};

async function imapLogin(
  machine: Machine,
  { host, port, tls, rejectUnauthorized, connTimeout, authTimeout }: Server,
  user: string,
  password: string,
  signal: AbortSignal,
): Promise<Answer> {
  const limits = { timeoutMs: connTimeout + authTimeout, signal };
  return await talkTo(machine, { hostname: host, port }, limits, async (client) => {
    if (tls) await client.secure(host, rejectUnauthorized ? "required" : "opportunistic");
    const greeting = await client.line();
    if (!/^\* OK\b/i.test(greeting)) {
      return { kind: "trouble", detail: `the IMAP server greets with ${greeting.slice(0, 100)}` };
    }
    await client.write(utf8Encode("a1 LOGIN "));
    for (const [i, word] of [user, password].entries()) await sayWord(client, word, i === 0 ? " " : "\r\n");
    for (;;) {
      const line = await client.line();
      if (!/^a1 /i.test(line)) continue; // untagged: capabilities and the like
      if (/^a1 OK\b/i.test(line)) {
        await client.say("a2 LOGOUT");
        return { kind: "right" };
      }
      // RFC 5530 §3: not a word on the password.
      const passing = /^a1 NO \[(UNAVAILABLE|CONTACTADMIN|LIMIT|SERVERBUG|INUSE)\]/i.test(line);
      if (/^a1 NO\b/i.test(line) && !passing) return { kind: "wrong" };
      return { kind: "trouble", detail: `LOGIN was answered with ${line.slice(3, 103)}` };
    }
  });
}

/** Quoted where it can be, else a literal, for which the server must ask (RFC 9051 §4.3). */
async function sayWord(client: LineClient, word: string, end: string): Promise<void> {
  if (/^[\x20-\x7e]*$/.test(word)) return await client.write(utf8Encode(`"${word.replace(/["\\]/g, "\\$&")}"${end}`));
  const octets = utf8Encode(word);
  await client.write(utf8Encode(`{${octets.length}}\r\n`));
  for (let line = await client.line(); !line.startsWith("+"); line = await client.line()) {
    if (/^a1 /i.test(line)) throw new Error(`a literal was answered with ${line.slice(0, 100)}`);
  }
  await client.write(octets);
  await client.write(utf8Encode(end));
}
