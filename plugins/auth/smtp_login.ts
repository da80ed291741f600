/** Whether a mail server takes user and password: AUTH spoken to it, over TLS where it offers that. */
import { type Machine, utf8Encode } from "kasi";
import type { Answer } from "./ask_server.ts";
import { type LineClient, talkTo } from "./line_client.ts";

export interface SmtpLogin {
  readonly user: string;
  readonly password: string;
  /** Our name in EHLO. */
  readonly helo: string;
  /** A server that refuses the whole name is asked once more with what stands before the @. */
  readonly localPartToo: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
type Reply = { readonly code: number; readonly lines: readonly string[] };

/** `trouble` when this server can't say; another one may. */
export async function smtpLogin(
  machine: Machine,
  to: { readonly hostname: string; readonly port: number },
  login: SmtpLogin,
): Promise<Answer> {
  return await talkTo(machine, to, login, async (client) => {
    const greeting = await reply(client);
    if (greeting.code !== 220) return trouble("greeting", greeting);
    let offered = await hello(client, login.helo);
    if (offered.keywords.has("STARTTLS")) {
      await client.say("STARTTLS");
      const go = await reply(client);
      if (go.code !== 220) return trouble("STARTTLS", go);
      // Its certificate need not verify, as with the mail itself.
      await client.secure(to.hostname, "opportunistic");
      offered = await hello(client, login.helo);
    }
    const mechanism = ["PLAIN", "LOGIN"].find((each) => offered.auth.has(each));
    if (mechanism === undefined) return { kind: "trouble", detail: "the server offers neither PLAIN nor LOGIN" };
    const { user, password } = login;
    const at = user.lastIndexOf("@");
    const names = login.localPartToo && at > 0 ? [user, user.slice(0, at)] : [user];
    for (const name of names) {
      const said = await authenticate(client, mechanism, name, password);
      if (said.code >= 200 && said.code < 300) {
        await client.say("QUIT");
        return { kind: "right" };
      }
      if (said.code < 500) return trouble("AUTH", said);
    }
    await client.say("QUIT");
    return { kind: "wrong" };
  });
}

async function authenticate(client: LineClient, mechanism: string, user: string, password: string): Promise<Reply> {
  if (mechanism === "PLAIN") {
    await client.say(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`);
    return await reply(client);
  }
  await client.say("AUTH LOGIN");
  let said = await reply(client);
  for (const answer of [user, password]) {
    if (said.code !== 334) return said;
    await client.say(base64(answer));
    said = await reply(client);
  }
  return said;
}

async function hello(client: LineClient, helo: string) {
  await client.say(`EHLO ${helo}`);
  const { code, lines } = await reply(client);
  if (code !== 250) throw new Error(`EHLO was answered with ${code} ${lines[0] ?? ""}`);
  const keywords = new Set(lines.slice(1).map((line) => line.split(/[ =]/)[0]!.toUpperCase()));
  const auth = lines.filter((line) => /^AUTH[ =]/i.test(line)).flatMap((line) =>
    line.toUpperCase().split(/[ =]+/).slice(1)
  );
  return { keywords, auth: new Set(auth) };
}

async function reply(client: LineClient): Promise<Reply> {
  const lines: string[] = [];
  for (;;) {
    const line = await client.line();
    const match = /^([2-5]\d\d)(-| |$)(.*)$/.exec(line);
    if (match === null || lines.length > 100) throw new Error(`the server's answer is no reply: ${line.slice(0, 100)}`);
    lines.push(match[3]!);
    if (match[2] !== "-") return { code: Number(match[1]), lines };
  }
}

function trouble(what: string, { code, lines }: Reply): Answer {
  return { kind: "trouble", detail: `${what} was answered with ${code} ${lines[0] ?? ""}` };
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...utf8Encode(text)));
}
