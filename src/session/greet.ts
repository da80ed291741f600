/** The beginning: who is it, is it welcome, and the 220. */
import { reverseName } from "../base/ip.ts";
import { HOOK_RULES } from "../hooks/rules.ts";
import { isRefusal } from "../hooks/verdict.ts";
import type { Reply } from "../wire/reply.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Step } from "./phase.ts";

/** connect_init, the name of the peer, connect, the banner. */
export async function begin(talk: Dialogue): Promise<Step> {
  const { session } = talk;
  if (talk.context.hooks.has("connect_init")) await talk.ask("connect_init", { session });
  return await nameRemote(talk) ?? await greet(talk);
}

/** A step only when the peer is not welcome. */
export async function nameRemote(talk: Dialogue): Promise<Step | undefined> {
  const { session } = talk;
  const { verdict } = talk.context.hooks.has("lookup_rdns")
    ? await talk.ask("lookup_rdns", { session })
    : { verdict: undefined };
  if (verdict === undefined) {
    session.remote.host = await nameOf(talk);
    return undefined;
  }
  if (isRefusal(verdict)) return await talk.refuse(HOOK_RULES.lookup_rdns, verdict, session.remote.ip);
  session.remote.host = verdict.value === "" ? "Unknown" : verdict.value;
  return undefined;
}

export async function greet(talk: Dialogue): Promise<Step> {
  const { session } = talk;
  const { verdict } = talk.context.hooks.has("connect")
    ? await talk.ask("connect", { session })
    : { verdict: undefined };
  if (verdict !== undefined && isRefusal(verdict)) {
    return await talk.refuse(HOOK_RULES.connect, verdict, session.remote.ip);
  }
  // Who speaks before the banner has not waited for it. Behind a PROXY header nobody can tell who was in such a hurry (spec 01 §8.5).
  if (talk.reader.buffered > 0 && session.proxy === undefined) session.earlyTalker = true;
  const text = verdict?.text ?? banner(talk);
  return { reply: { code: 220, text }, next: talk.rest() };
}

/** RFC 5321 §4.2: the server's name stands first. */
function banner({ session, settings }: Dialogue): Reply["text"] {
  const { me, product, greeting, bannerChars } = settings;
  const id = bannerChars > 0 ? ` (${session.id.slice(0, bannerChars)})` : "";
  const [first, ...others] = greeting;
  return first === undefined ? `${me} ESMTP ${product} ready${id}` : [`${me} ESMTP ${first}${id}`, ...others];
}

/** Longer than this nobody waits for a banner (RFC 5321 §4.5.3.2.1 gives us five minutes, clients do not). */
const LOOKUP_MS = 15_000;

async function nameOf(talk: Dialogue): Promise<string> {
  const { ip } = talk.session.remote;
  if (ip === "127.0.0.1" || ip === "::1") return "localhost";
  const name = reverseName(ip);
  if (name === undefined) return "Unknown";
  const late = new AbortController();
  const timer = talk.context.clock.after(LOOKUP_MS, () => late.abort(new Error("reverse DNS took too long")));
  try {
    const signal = AbortSignal.any([late.signal, talk.session.signal]);
    const began = talk.context.clock.monotonic();
    const answer = await talk.attend(talk.context.resolver.resolve(name, "PTR", { signal }));
    if (talk.session.log.enabled("DEBUG")) {
      const ms = Math.round((talk.context.clock.monotonic() - began) * 100) / 100;
      const found = answer.kind === "records" ? answer.records.join(", ") : answer.kind;
      talk.session.log.event("lookup", { name, type: "PTR", answer: found, ms });
    }
    switch (answer.kind) {
      case "records":
        return answer.records[0] || "Unknown";
      case "nodata":
      case "nxdomain":
        return "NXDOMAIN";
      case "failed":
        return "DNSERROR";
    }
  } catch (error) {
    if (talk.session.signal.aborted) throw error;
    return "DNSERROR";
  } finally {
    timer.cancel();
  }
}
