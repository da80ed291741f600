/** The server as a plugin sees it, in memory: configuration from literals, a disk, a zone, a clock that tests move. */
import { createConfig } from "../../src/config/config.ts";
import type { SiteConfig } from "../../src/config/types.ts";
import { Notes } from "../../src/hooks/notes.ts";
import type { Attempt, Destination, Envelope, Forwarder, Item } from "../../src/hooks/outbound.ts";
import type { PluginHost } from "../../src/hooks/plugin.ts";
import type { Operations } from "../../src/hooks/operations.ts";
import type { Machine } from "../../src/host/types.ts";
import { type ContentFile, createOutbound, type QueueNumbers } from "../../src/hooks/send.ts";
import { ResultRoom } from "../../src/hooks/result_room.ts";
import { type Bytes, concat } from "../../src/base/bytes.ts";
import type { Message } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { pluginOperations, Tidings } from "../../src/server/plugin_operations.ts";
import type { FakeClock } from "./fake_clock.ts";
import { type MemoryMachine, memoryMachine } from "./memory_host.ts";
import { type MemoryLog, memoryLog } from "./memory_log.ts";
import type { ZoneText } from "./zone.ts";

export interface PluginHostOptions {
  /** Files of the configuration: name → text. */
  readonly files?: { readonly [name: string]: string };
  readonly zone?: ZoneText;
  readonly env?: { readonly [name: string]: string };
  readonly clock?: FakeClock;
  /** Answers HTTP requests; without it there is no network. */
  readonly fetch?: (request: Request) => Promise<Response>;
  /** Stands for the programs of the machine. */
  readonly operations?: Operations;
  readonly run?: Machine["run"];
  readonly openUdp?: Machine["openUdp"];
  readonly openLocalLog?: Machine["openLocalLog"];
  /** What the forwarder makes of an item; by default it is a mistake to ask it. */
  readonly forward?: (item: Item, destinations: readonly Destination[]) => Attempt | Promise<Attempt>;
  /** What the forwarder makes of a message that is to be handed on step by step. */
  readonly begin?: Forwarder["begin"];
  /** Called for each message that is put into the outbound queue; throw to refuse it. */
  readonly enqueue?: (envelope: Envelope, message: Message) => void | Promise<void>;
  /** What the queue says of itself. */
  readonly stats?: QueueNumbers;
}

export interface FakePluginHost {
  readonly host: PluginHost;
  readonly machine: MemoryMachine;
  readonly config: SiteConfig;
  readonly log: MemoryLog;
  /** What `host.results` listens to. */
  readonly results: ResultRoom;
  /** Changes a file of the configuration and has it read again. */
  change(name: string, text: string): void;
}

export const CONFIG_DIR = "/site/config";
export const DATA_DIR = "/site/data";

export function pluginHost(name: string, options: PluginHostOptions = {}): FakePluginHost {
  const machine = memoryMachine({
    ...(options.zone && { zone: options.zone }),
    ...(options.env && { env: options.env }),
    ...(options.clock && { clock: options.clock }),
    ...(options.fetch && { fetch: options.fetch }),
    ...(options.run && { run: options.run }),
    ...(options.openUdp && { openUdp: options.openUdp }),
    ...(options.openLocalLog && { openLocalLog: options.openLocalLog }),
  });
  const log = memoryLog();
  for (const dir of [CONFIG_DIR, DATA_DIR, "/tmp"]) machine.host.mkdirSync(dir, { recursive: true });
  const write = (file: string, text: string) => {
    const path = `${CONFIG_DIR}/${file}`;
    machine.host.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    machine.host.writeTextFileSync(path, text);
  };
  for (const [file, text] of Object.entries(options.files ?? {})) write(file, text);
  const config = createConfig({
    host: machine.host,
    dir: CONFIG_DIR,
    clock: machine.clock,
    log: log.log,
    watch: false,
  });
  const results = new ResultRoom(log.log);
  const enqueue: PluginHost["enqueue"] = async (envelope, message) => {
    if (options.enqueue === undefined) throw new Error("This test has no outbound queue");
    await options.enqueue(envelope, message);
    return { id: envelope.id, repeated: false };
  };
  const host: PluginHost = {
    name,
    config,
    log: log.log,
    server: { notes: new Notes(), version: "0.0.0", name: "mx.kasi.test" },
    machine,
    dataDir: DATA_DIR,
    forwarder: {
      async send(item, _message, destinations) {
        if (options.forward === undefined) throw new Error("This test has no forwarder");
        return await options.forward(item, destinations);
      },
      async begin(start, destinations, signal) {
        if (options.begin === undefined) throw new Error("This test has no forwarder");
        return await options.begin(start, destinations, signal);
      },
    },
    results,
    operations: options.operations ?? pluginOperations(() => Promise.reject(new Error("This test has no operations"))),
    main: new Tidings().of(name),
    enqueue,
    outbound: createOutbound({
      enqueue,
      spool: memoryFile,
      stats: () => options.stats ?? { inProgress: 0, queued: 0, tempFail: 0, held: 0 },
    }, log.log),
    signal: new AbortController().signal,
  };
  return {
    host,
    results,
    machine,
    config,
    log,
    change(file, text) {
      write(file, text);
      config.reload();
    },
  };
}

function memoryFile(): ContentFile {
  const chunks: Bytes[] = [];
  return {
    write: (chunk) => void chunks.push(new Uint8Array(chunk)),
    finish: () => Promise.resolve(memorySource(concat(chunks))),
    discard() {},
  };
}
