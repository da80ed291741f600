/**
 * A next hop of our own over a real socket, SMTP or LMTP, that answers as it is told and keeps the octets it was sent.
 *
 * For what `smtp-sink` cannot do: answer one recipient so and another otherwise, change its mind, be told apart octet by octet.
 */
import net from "node:net";
import { latin1Decode } from "../../src/base/bytes.ts";
import { eventually } from "./site.ts";

export type HopStage = "greeting" | "hello" | "mail" | "rcpt" | "data" | "content";

export interface NextHopOptions {
  /** Default a free one. */
  readonly port?: number;
  readonly lmtp?: boolean;
  /** Keywords of EHLO besides PIPELINING. */
  readonly offers?: readonly string[];
  /**
   * A reply in the place of the ordinary one. `about` is the address at mail and rcpt; at content of LMTP one recipient after the other, of
   * SMTP the first.
   */
  readonly answer?: (stage: HopStage, about: string) => string | undefined;
}

export interface HopMail {
  readonly sender: string;
  /** Those it took. */
  readonly recipients: readonly string[];
  /** Dots unstuffed, without the final dot. Latin-1. */
  readonly content: string;
}

export interface NextHop extends AsyncDisposable {
  readonly port: number;
  readonly mails: readonly HopMail[];
  /** How many connections have been made so far. */
  readonly sessions: number;
  /** What clients said, line by line. */
  readonly heard: readonly string[];
  untilMails(count: number, ms?: number): Promise<readonly HopMail[]>;
  stop(): Promise<void>;
}

const ORDINARY: { readonly [S in HopStage]: string } = {
  greeting: "220 hop.test ready",
  hello: "250 hop.test",
  mail: "250 2.1.0 Ok",
  rcpt: "250 2.1.5 Ok",
  data: "354 End with a dot",
  content: "250 2.0.0 Taken",
};

export async function startNextHop(options: NextHopOptions = {}): Promise<NextHop> {
  const mails: HopMail[] = [];
  const heard: string[] = [];
  const open = new Set<net.Socket>();
  let sessions = 0;
  const answer = (stage: HopStage, about = "") => options.answer?.(stage, about) ?? ORDINARY[stage];
  const server = net.createServer((socket) => {
    sessions++;
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    serve(socket);
  });

  function serve(socket: net.Socket): void {
    const say = (...lines: string[]) => void socket.write(lines.map((line) => `${line}\r\n`).join(""));
    let held = "";
    let inContent = false;
    /** Octets of a BDAT that are awaited; -1 for none. */
    let chunk = -1;
    let sender = "";
    let recipients: string[] = [];
    const commands: { readonly [verb: string]: (argument: string) => void } = {
      EHLO: () => hello(),
      LHLO: () => hello(),
      HELO: () => say(answer("hello")),
      "MAIL FROM": (argument) => {
        sender = argument;
        recipients = [];
        say(answer("mail", argument));
      },
      "RCPT TO": (argument) => {
        const reply = answer("rcpt", argument);
        if (reply.startsWith("25")) recipients.push(argument);
        say(reply);
      },
      DATA: () => {
        const reply = recipients.length === 0 ? "554 5.5.1 No valid recipients" : answer("data");
        inContent = reply.startsWith("354");
        say(reply);
      },
      RSET: () => say("250 2.0.0 Ok"),
      NOOP: () => say("250 2.0.0 Ok"),
      QUIT: () => {
        say("221 2.0.0 Bye");
        socket.end();
      },
    };
    const hello = () => {
      const reply = answer("hello");
      if (!reply.startsWith("250")) return say(reply);
      const lines = [reply.slice(4), "PIPELINING", ...options.offers ?? []];
      say(...lines.map((line, i) => `250${i + 1 < lines.length ? "-" : " "}${line}`));
    };
    const taken = (content: string) => {
      mails.push({ sender, recipients, content });
      const about = options.lmtp ? recipients : recipients.slice(0, 1);
      say(...about.map((recipient) => answer("content", recipient)));
    };
    socket.on("data", (bytes: Uint8Array) => {
      held += latin1Decode(bytes);
      for (;;) {
        if (chunk >= 0) {
          if (held.length < chunk) return;
          const content = held.slice(0, chunk);
          held = held.slice(chunk);
          chunk = -1;
          if (recipients.length > 0) taken(content);
          else say("554 5.5.1 No valid recipients");
        } else if (inContent) {
          const text = `\r\n${held}`; // so that a dot may stand on the first line
          const end = text.indexOf("\r\n.\r\n");
          if (end < 0) return;
          inContent = false;
          held = text.slice(end + 5);
          taken(text.slice(2, end + 2).replace(/(^|\r\n)\./g, "$1"));
        } else {
          const end = held.indexOf("\r\n");
          if (end < 0) return;
          const line = held.slice(0, end);
          held = held.slice(end + 2);
          heard.push(line);
          const size = /^BDAT (\d+) LAST$/i.exec(line)?.[1];
          if (size !== undefined) {
            chunk = Number(size);
            continue;
          }
          const verb = /^(?:MAIL FROM|RCPT TO|[A-Z]+)/i.exec(line)?.[0].toUpperCase() ?? "";
          const act = commands[verb];
          if (act === undefined) say("502 5.5.2 What?");
          else act(/<([^>]*)>/.exec(line)?.[1] ?? "");
        }
      }
    });
    say(answer("greeting"));
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", () => resolve());
  });
  const { port } = server.address() as net.AddressInfo;
  let stopped: Promise<void> | undefined;
  const stop = () =>
    stopped ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  return {
    port,
    mails,
    heard,
    get sessions() {
      return sessions;
    },
    untilMails: (count, ms) => eventually(() => mails.length >= count && mails, ms, `${count} mails at the next hop`),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
