/**
 * The plugin object of a Haraka plugin: what `exports` and `this` are (spec 01 §7.1).
 *
 * `register_hook` and `inherits` may be called while `register` runs; what was registered is read off afterwards.
 */
import type { HookHandler, HookName } from "../points.ts";
import type { Session } from "../session.ts";
import type { ConfigFace } from "./config.ts";
import type { ConnectionFace } from "./connection.ts";
import { logMethods } from "./log.ts";
import { hidden } from "./stores.ts";
import type { Logger } from "../../log/types.ts";

export interface Registered {
  readonly hook: string;
  readonly method: string;
  readonly priority: number;
}
/** A function in our own manner, beside the registered methods. */
export interface Listening {
  readonly hook: HookName;
  readonly run: HookHandler<HookName>;
}

export interface PluginFaceOptions {
  readonly name: string;
  readonly path: string;
  readonly hasPackage: boolean;
  readonly config: ConfigFace;
  readonly log: Logger;
  readonly timeoutSeconds: number;
  core(name: string): unknown;
  /** The parent's members, or undefined when it is one of ours, whose hooks then join the child's. Throws when there is none. */
  parent(name: string): object | undefined;
  connectionOf(session: Session): ConnectionFace;
}

/** Members that are the object's own affair and never inherited. */
const OWN = new Set(["name", "hooks", "base", "config", "timeout", "plugin_path", "hasPackageJson", "register"]);

export class PluginFace {
  readonly name: string;
  readonly config: ConfigFace;
  timeout: number;
  readonly plugin_path: string;
  readonly hasPackageJson: boolean;
  readonly base: Record<string, object | undefined> = {};
  readonly hooks: Record<string, string[]> = {};
  [member: string]: unknown;

  constructor(options: PluginFaceOptions) {
    this.name = options.name;
    this.config = options.config;
    this.timeout = options.timeoutSeconds;
    this.plugin_path = options.path;
    this.hasPackageJson = options.hasPackage;
    const registered: Registered[] = [];
    const listening: Listening[] = [];
    hidden(this, "registered", registered);
    hidden(this, "listening", listening);
    hidden(this, "connectionOf", options.connectionOf);
    hidden(this, "haraka_require", options.core);
    hidden(this, "core_require", options.core);
    hidden(this, "listen", (hook: HookName, run: HookHandler<HookName>) => void listening.push({ hook, run }));
    hidden(this, "register_hook", (hook: string, method: string, priority?: unknown) => {
      const wanted = parseInt(String(priority), 10) || 0;
      registered.push({ hook, method, priority: Math.min(100, Math.max(-100, wanted)) });
      (this.hooks[hook] ??= []).push(method);
    });
    hidden(this, "inherits", (name: string) => {
      const parent = options.parent(name);
      this.base[name] = parent;
      if (parent === undefined) return;
      const members = parent as Record<string, unknown>;
      for (const member in members) if (!OWN.has(member) && !this[member]) this[member] = members[member];
      if (typeof members.register === "function") members.register.call(this);
    });
    logMethods(this, options.log);
  }

  declare register?: () => unknown;
  declare shutdown?: () => unknown;
  declare readonly registered: Registered[];
  declare readonly listening: Listening[];
  declare readonly connectionOf: (session: Session) => ConnectionFace;
  declare readonly haraka_require: (name: string) => unknown;
  declare readonly listen: (hook: HookName, run: (event: any) => any) => void;
  declare readonly register_hook: (hook: string, method: string, priority?: unknown) => void;
  declare readonly inherits: (name: string) => void;
}

/** Names of the members that listen by being called `hook_NAME`. */
export function hookMembers(plugin: object): { readonly hook: string; readonly method: string }[] {
  const found = [];
  for (const method in plugin) {
    const hook = /^hook_(\w+)$/.exec(method)?.[1];
    if (hook !== undefined && typeof (plugin as Record<string, unknown>)[method] === "function") {
      found.push({ hook, method });
    }
  }
  return found;
}
