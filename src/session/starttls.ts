/**
 * STARTTLS (RFC 3207).
 *
 * Whatever stands behind the command in plain text is somebody else's, to be taken for the client's once the handshake is over: it is
 * refused and the connection closed (RFC 3207 §6, CVE-2011-0411). After the handshake nothing is known but that it was made.
 */
import type { Command } from "../wire/command.ts";
import { forgetAuth } from "./auth.ts";
import { type Dialogue, Gone } from "./dialogue.ts";
import type { Phase, Step } from "./phase.ts";
import { TEXTS } from "./texts.ts";
import { unrecognized } from "./unrecognized.ts";

export async function startTls(talk: Dialogue, phase: Phase, { verb, rest }: Command<"STARTTLS">): Promise<Step> {
  const { session, context } = talk;
  if (session.tls !== undefined) {
    session.errors++;
    return { reply: TEXTS.tlsTwice, next: phase };
  }
  if (!talk.offered.startTls || context.upgrade === undefined) return await unrecognized(talk, verb, rest);
  if (session.transaction !== undefined) {
    session.errors++;
    return { reply: TEXTS.badSequence, next: phase };
  }
  // What has not been read by now meets the handshake, which refuses it.
  if (talk.reader.buffered > 0) return { reply: TEXTS.injection, next: { at: "closed" } };
  talk.reader.release();
  talk.say(TEXTS.tlsGoAhead);
  try {
    talk.secured(await context.upgrade(talk.output.release()));
  } catch (error) {
    session.log.notice("TLS handshake failed", { reason: String(error) });
    // A server that stops breaks handshakes too.
    if (!context.signal.aborted) context.brokenTls?.add(session.remote.ip);
    throw new Gone("the handshake failed");
  }
  forgetAuth(talk);
  const { tls } = talk.session;
  session.log.event("secured", {
    cipher: tls?.cipher.standardName || tls?.cipher.name || "",
    version: tls?.protocol ?? "",
    verified: tls?.authorized ?? false,
  });
  return { reply: undefined, next: { at: "greeted" } };
}
