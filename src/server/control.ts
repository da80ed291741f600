/**
 * The control socket: HTTP over a Unix socket in the data directory, for commands on this machine. It takes the place of Haraka's INTERNALCMD, which
 * anybody who held a key could say over SMTP.
 *
 * Who may connect is settled by the file: it is the server's user's alone (0600). What may be asked is `control_verbs.ts`, and nothing else.
 * {@linkcode openControl} throws when another server answers there; when no socket can be made the server goes on without one, and says so.
 */
import type { Clock } from "../base/clock.ts";
import { utf8Encode } from "../base/bytes.ts";
import { exists } from "../host/exists.ts";
import { askSocket } from "../host/http_client.ts";
import { serveHttp } from "../host/http_server.ts";
import type { Host, HttpHandler } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { BadArgument, CONTROL_VERBS, type ControlFace, type ControlVerb } from "./control_verbs.ts";

export interface ControlOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Logger;
  /** The socket's file: {@linkcode controlPath}. */
  readonly path: string;
  readonly face: ControlFace;
}

export interface Control {
  /** Takes no more requests; answers under way get two seconds. */
  close(): Promise<void>;
}

const MODE = 0o600;
const GRACE_MS = 2000;
/** Octets of sun_path less its end: unix(7). A longer path is cut short by some systems rather than refused. */
const LONGEST_PATH = 107;
/** Lines of a list gather to chunks of so many characters. */
const CHUNK = 64 * 1024;

export const controlPath = (dataDir: string) => `${dataDir}/control.sock`;

export async function openControl(options: ControlOptions): Promise<Control | undefined> {
  const { host, log, path } = options;
  await refuseIfAlive(host, path);
  try {
    if (utf8Encode(path).length > LONGEST_PATH) throw new Error(`a socket's path has ${LONGEST_PATH} octets at most`);
    const server = await serveHttp({ host, endpoint: { path, mode: MODE }, handler: controlHandler(options) });
    log.info(`Control socket at ${path}`);
    return { close: () => server.close(GRACE_MS) };
  } catch (cause) {
    log.warn(`No control socket at ${path}: ${cause instanceof Error ? cause.message : cause}`);
    return undefined;
  }
}

/** A socket whose server is gone answers nobody, and is replaced. */
async function refuseIfAlive(host: Host, path: string): Promise<void> {
  if (!exists(host, path)) return;
  const answer = await askSocket(path, { method: "GET", target: "/status" });
  if (answer.kind === "absent") return;
  let pid: unknown;
  if (answer.kind === "answer") pid = (JSON.parse(await textOf(answer.body)) as { pid?: unknown }).pid;
  throw new Error(
    `${path} is answered by ${pid === undefined ? "another user's process" : `process ${pid}`}; ` +
      "stop it first, or give this one a data directory of its own",
  );
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  return text;
}

/** The whole of it but the socket. */
export function controlHandler({ clock, log, face }: Pick<ControlOptions, "clock" | "log" | "face">): HttpHandler {
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const verb: ControlVerb | undefined = Object.hasOwn(CONTROL_VERBS, pathname)
      ? CONTROL_VERBS[pathname as keyof typeof CONTROL_VERBS]
      : undefined;
    if (verb === undefined) return refusal(404, `no such verb; there are ${Object.keys(CONTROL_VERBS).join(", ")}`);
    if (request.method !== verb.method) {
      return refusal(405, `${pathname} wants ${verb.method}`, { allow: verb.method });
    }
    const odd = [...searchParams.keys()].find((name) => !Object.hasOwn(verb.takes, name));
    if (odd !== undefined) return refusal(400, `${pathname} takes no ${JSON.stringify(odd)}`);
    if (verb.method === "POST") log.notice(`Control socket: ${pathname.slice(1)} ${searchParams}`.trimEnd());
    try {
      const value = await verb.run(face, searchParams, clock.now());
      return Array.isArray(value) ? lines(value) : Response.json(value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (cause instanceof BadArgument) return refusal(400, reason);
      log.warn(`Control socket: ${pathname.slice(1)} failed: ${reason}`);
      return refusal(500, reason);
    }
  };
}

function refusal(status: number, error: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error }, { status, headers });
}

/** One JSON object a line, made while it is read: a queue may be long. */
function lines(values: readonly unknown[]): Response {
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      let text = "";
      while (at < values.length && text.length < CHUNK) text += `${JSON.stringify(values[at++])}\n`;
      if (text !== "") controller.enqueue(utf8Encode(text));
      if (at === values.length) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}
