/**
 * Makes a {@linkcode Plugin} of a plugin written for Haraka: a plain file whose `exports` are the plugin, or a package with a `package.json`.
 *
 * The file is run when the plugin is set up, for its scope holds the server. Throws what the file or its `register` throws, and TypeError for a
 * file that is no plugin. A package's modules see the constants and `server` as globals of the process, a plain file as its own scope.
 */
import type { CommonJs, Host } from "../../host/types.ts";
import type { ShippedPlugins } from "../loader.ts";
import { locate, pathOfUrl } from "../locate.ts";
import type { HookTable, Plugin, PluginHost, Prioritized } from "../plugin.ts";
import { pluginName } from "../plugin_names.ts";
import type { HookName } from "../points.ts";
import type { Session } from "../session.ts";
import { type AddressStyle, addressStyle } from "./address.ts";
import { type Caller, callFunction, type HarakaFunction } from "./call.ts";
import { ConfigFace } from "./config.ts";
import { ConnectionFace } from "./connection.ts";
import { GLOBALS } from "./constants.ts";
import { modulesFor } from "./modules.ts";
import { PARENTS } from "./parents.ts";
import { hookMembers, PluginFace } from "./plugin.ts";
import { notesFace } from "./stores.ts";

export interface HarakaSource {
  /** Absolute path of the file, or of a package's main file. */
  readonly path: string;
  /** Of the `package.json`; absent for a plain file. */
  readonly packageDir?: string;
}
export interface HarakaContext {
  readonly commonJs: CommonJs;
  readonly host: Pick<Host, "readTextFileSync" | "readDirSync" | "statSync" | "cwd">;
  readonly siteDir?: string;
  readonly shipped: ShippedPlugins;
}

/** The faces of a session, one for each style of address; plugins of one style share them. */
const CONNECTIONS: { readonly [S in AddressStyle]: WeakMap<Session, ConnectionFace> } = {
  method: new WeakMap(),
  text: new WeakMap(),
  both: new WeakMap(),
};
const WITH_TRANSACTION: ReadonlySet<string> = new Set(["mail", "rcpt", "rcpt_ok", "data"]);

export interface Started {
  readonly hooks: HookTable;
  stop(): void | Promise<void>;
}

export async function startHaraka(
  name: string,
  source: HarakaSource,
  host: PluginHost,
  context: HarakaContext,
): Promise<Started> {
  const work = new Adapter(host, context);
  const plugin = work.load(name, source);
  host.log.info(`Written for Haraka: ${source.path}`);
  if (typeof plugin.register === "function") await plugin.register();
  const functions = [...plugin.registered, ...hookMembers(plugin).map((one) => ({ ...one, priority: 0 }))];
  if (functions.length + plugin.listening.length === 0 && !plugin.register && !plugin.shutdown) {
    throw new NotAPlugin(Object.keys(plugin).filter((key) => typeof plugin[key] === "function"));
  }
  const style = work.style;
  const caller: Caller = {
    plugin,
    log: host.log,
    style,
    server: work.server,
    connectionOf: (session) => work.connectionOf(session),
  };
  const table = new Map<string, Prioritized<HookName>[]>();
  const add = (hook: string, priority: number, run: (event: any) => any) => {
    table.set(hook, [...table.get(hook) ?? [], { priority, run }]);
  };
  for (const { hook, method, priority } of functions) {
    if (typeof plugin[method] !== "function") {
      throw new TypeError(`it registers ${method} at ${hook}, but has no function of that name`);
    }
    // Looked up at each call: plugins exchange their functions when their configuration changes.
    add(hook, priority, (event) => callFunction(hook, method, plugin[method] as HarakaFunction, event, caller));
  }
  for (const { hook, run } of plugin.listening) add(hook, 0, run);
  for (const parent of await Promise.all(work.pending)) {
    for (const [hook, listed] of Object.entries(parent)) {
      if (typeof plugin[`hook_${hook}`] === "function") continue;
      for (const one of [listed].flat() as (Prioritized<HookName> | ((event: any) => any))[]) {
        if (typeof one === "function") add(hook, 0, one);
        else add(hook, one.priority, one.run);
      }
    }
  }
  if (functions.some(({ hook }) => WITH_TRANSACTION.has(hook))) {
    // What was said of a message before it came.
    add(
      "data_post",
      -100,
      ({ session, message }) => void work.connectionOf(session).transaction?.show(undefined, message),
    );
    if (functions.some(({ hook }) => hook === "rcpt")) {
      add("data", -100, ({ session }) => void work.connectionOf(session).transaction?.admitFurther());
    }
  }
  return {
    hooks: Object.fromEntries(table) as HookTable,
    async stop() {
      work.config.close();
      await plugin.shutdown?.();
    },
  };
}

/** A file that was run and is no plugin. */
export class NotAPlugin extends TypeError {
  readonly found: readonly string[];
  constructor(found: readonly string[]) {
    super(`the module exports ${found.join(", ") || "nothing"}; wanted: register() or functions named hook_NAME`);
    this.found = found;
  }
}

class Adapter {
  readonly host: PluginHost;
  readonly server: object;
  /** Hooks of parents that are plugins of ours. */
  readonly pending: Promise<HookTable>[] = [];
  style: AddressStyle = "method";
  config!: ConfigFace;
  readonly #context: HarakaContext;
  #depth = 0;

  constructor(host: PluginHost, context: HarakaContext) {
    this.host = host;
    this.#context = context;
    this.server = { notes: notesFace(host.server.notes), version: host.server.version, cluster: undefined };
  }

  connectionOf(session: Session): ConnectionFace {
    const faces = CONNECTIONS[this.style];
    let face = faces.get(session);
    if (face === undefined) {
      face = new ConnectionFace(session, this.style, this.#context.commonJs, this.server as { version: string });
      faces.set(session, face);
    }
    return face;
  }

  /** Runs a plugin's file; the first one is the plugin itself, those after it are its parents. */
  load(name: string, { path, packageDir }: HarakaSource): PluginFace {
    const { commonJs, host: files, siteDir } = this.#context;
    const isMain = this.#depth++ === 0;
    const text = files.readTextFileSync(path);
    if (isMain) this.style = addressStyle(packageDir === undefined ? text : this.#allOf(packageDir, text));
    const settings = packageDir === undefined ? this.host.config : this.host.config.over(`${packageDir}/config`);
    const config = new ConfigFace(settings, commonJs);
    if (isMain) this.config = config;
    const modules = modulesFor({ host: this.host, commonJs, config, style: this.style, server: this.server, path });
    const plugin = new PluginFace({
      name,
      path: packageDir === undefined ? path : `${packageDir}/package.json`,
      hasPackage: packageDir !== undefined,
      config,
      log: this.host.log,
      timeoutSeconds: timeoutOf(name, config),
      core: modules.core,
      parent: (parent) => this.#parent(parent, path),
      connectionOf: (session) => this.connectionOf(session),
    });
    if (packageDir === undefined) {
      const module = { exports: plugin as object };
      const scope = { exports: plugin, module, require: modules.require, __filename: path, server: this.server };
      const __dirname = path.slice(0, path.lastIndexOf("/"));
      commonJs.run(path, `"use strict";${text.replace(/^#!.*/, "")}`, { ...GLOBALS, ...scope, __dirname }, plugin);
      if (module.exports !== plugin) copy(module.exports, plugin);
    } else {
      commonJs.define({ ...GLOBALS, server: this.server });
      // Packages that ask Haraka's own libraries for settings: those look here.
      if (siteDir !== undefined) commonJs.setEnv("HARAKA", siteDir);
      copy(commonJs.requireFor(path)(path) as object, plugin);
    }
    return plugin;
  }

  #parent(listed: string, child: string): object | undefined {
    const { name } = pluginName(listed);
    const { commonJs, host, siteDir, shipped } = this.#context;
    const located = locate(name, { host, isShipped: () => false, ...(siteDir === undefined ? {} : { siteDir }) });
    if (located?.kind === "module") {
      const path = pathOfUrl(located.url);
      return this.load(name, { path, ...(located.packageDir === undefined ? {} : { packageDir: located.packageDir }) });
    }
    if (Object.hasOwn(PARENTS, name)) return PARENTS[name];
    try {
      const require = commonJs.requireFor(child);
      const described = require.resolve(`haraka-plugin-${name}/package.json`);
      const path = require.resolve(`haraka-plugin-${name}`);
      return this.load(name, { path, packageDir: described.slice(0, described.lastIndexOf("/")) });
    } catch (fault) {
      if (!/Cannot find module|MODULE_NOT_FOUND/.test(String(fault))) throw fault;
    }
    if (!Object.hasOwn(shipped, name)) throw new Error(`it inherits from ${listed}, and there is no such plugin`);
    this.pending.push(this.#shippedHooks(shipped[name]!));
    return undefined;
  }

  async #shippedHooks(load: () => Promise<Readonly<Record<string, unknown>>>): Promise<HookTable> {
    const plugin = (await load()).default as Plugin;
    return { ...plugin.hooks, ...await plugin.setup?.(this.host) };
  }

  /** The package's own source, to read off how it speaks of addresses. */
  #allOf(packageDir: string, main: string): string {
    const { host } = this.#context;
    try {
      const names = [...host.readDirSync(`${packageDir}/lib`)].filter(({ name }) => name.endsWith(".js"));
      return [main, ...names.map(({ name }) => host.readTextFileSync(`${packageDir}/lib/${name}`))].join("\n");
    } catch {
      return main;
    }
  }
}

function copy(from: object, into: PluginFace): void {
  for (const [name, value] of Object.entries(from)) into[name] = value;
}

/** What the plugin is told of its own deadline; the runner's is read by the server. */
function timeoutOf(name: string, config: ConfigFace): number {
  for (const file of [`${name}.timeout`, "plugin_timeout"]) {
    const seconds = parseFloat(String(config.get(file, "value")));
    if (!Number.isNaN(seconds)) return seconds;
  }
  return 30;
}
