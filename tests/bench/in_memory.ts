/** A session in memory for the benches: the very session code over two streams, and a queue that takes everything at once. */
import { type Bytes, latin1Encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { createLogging } from "../../src/log/logging.ts";
import type { SessionContext } from "../../src/session/context.ts";
import { runSession } from "../../src/session/session.ts";
import { LIMITS, SETTINGS } from "../kit/session_kit.ts";
import { zone } from "../kit/zone.ts";

/** A client that writes its next step as soon as all replies are there. */
export function wire(steps: readonly Bytes[], times: number, opening: boolean) {
  const hello = latin1Encode("EHLO me\r\n");
  const quit = latin1Encode("QUIT\r\n");
  let i = -2;
  const last = steps.length * times;
  const next = (): Bytes | undefined => {
    i++;
    if (opening && i === -1) return hello;
    if (i < 0) i = 0;
    if (i < last) return steps[i % steps.length]!;
    return i === last ? quit : undefined;
  };
  let wake: (() => void) | undefined;
  let ready = false;
  const readable = new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      if (!ready) await new Promise<void>((resolve) => wake = resolve);
      ready = false;
      wake = undefined;
      const view = controller.byobRequest?.view as Uint8Array | undefined;
      const bytes = rest ?? next();
      if (bytes === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
      } else if (view === undefined) {
        rest = undefined;
        controller.enqueue(bytes.slice());
      } else {
        const part = bytes.subarray(0, view.length);
        view.set(part);
        rest = part.length < bytes.length ? bytes.subarray(part.length) : undefined;
        if (rest !== undefined) ready = true;
        controller.byobRequest!.respond(part.length);
      }
    },
  });
  let rest: Bytes | undefined;
  const writable = new WritableStream<Uint8Array<ArrayBufferLike>>({
    write() {
      ready = true;
      wake?.();
    },
  });
  return { readable: readable as ReadableStream<Bytes>, writable };
}

/** A runner with one plugin, which lets the client relay. */
export function relayRunner(): HookRunner {
  const hooks = new HookRunner({ clock: systemClock, log: logging.root });
  hooks.add({ name: "relay" }, { connect: ({ session }) => void (session.relaying = true) });
  return hooks;
}

/** Sends `messages` messages of `steps` each, over one connection or over as many. Throws when one was not taken. */
export async function converse(
  steps: readonly Bytes[],
  messages: number,
  reuse: boolean,
  hooks: HookRunner,
): Promise<void> {
  let taken = 0;
  const context = contextOf(hooks, () => taken++);
  const each = reuse ? messages : 1;
  for (let done = 0; done < messages; done += each) {
    const { readable, writable } = wire(steps, each, true);
    await runSession(readable, writable, context);
  }
  if (taken !== messages) throw new Error(`Cannot measure: ${taken} of ${messages} messages were taken`);
}

const logging = createLogging({ level: "ERROR", sinks: [], clock: systemClock });

function contextOf(hooks: HookRunner, onTaken: () => void): SessionContext {
  return {
    local: { transport: "tcp", hostname: "127.0.0.1", port: 25 },
    remote: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
    hooks,
    log: logging.root,
    clock: systemClock,
    resolver: zone(),
    settings: { ...SETTINGS, addReceived: true, limits: { ...LIMITS } },
    enqueue({ id }, message) {
      message.render();
      onTaken();
      return Promise.resolve({ id, repeated: false });
    },
    spool: () => {
      throw new Error("Cannot spool: the bench has no disk");
    },
    signal: new AbortController().signal,
  };
}
