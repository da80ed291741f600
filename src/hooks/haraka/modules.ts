/**
 * What a Haraka plugin may `require`: Haraka's core modules by their names (`./config`, `./outbound`, also through `haraka_require`), and its
 * small packages where the site has none of that name. Everything else is Node's own `require`, from the plugin's file on.
 */
import type { CommonJs } from "../../host/types.ts";
import type { PluginHost } from "../plugin.ts";
import { Notes } from "../notes.ts";
import { addressModule, type AddressStyle } from "./address.ts";
import type { ConfigFace } from "./config.ts";
import { CONSTANTS } from "./constants.ts";
import { DSN } from "./dsn.ts";
import { logMethods } from "./log.ts";
import { netUtils, TLD } from "./net_utils.ts";
import { outboundModule } from "./outbound.ts";
import { notesFace } from "./stores.ts";
import { UTILS } from "./utils.ts";

export interface ModulesOptions {
  readonly host: PluginHost;
  readonly commonJs: CommonJs;
  readonly config: ConfigFace;
  readonly style: AddressStyle;
  readonly server: unknown;
  /** The plugin's own file. */
  readonly path: string;
}

export interface Modules {
  require(name: string): unknown;
  /** Throws when there is no core module of that name. */
  core(name: string): unknown;
}

export function modulesFor({ host, commonJs, config, style, server, path }: ModulesOptions): Modules {
  const made = new Map<string, unknown>();
  const once = (name: string, make: () => unknown) => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name);
  };
  const logger = () => {
    const face = {
      LOGINFO: 6,
      LOGDEBUG: 7,
      LOGNOTICE: 5,
      LOGWARN: 4,
      LOGERROR: 3,
      add_log_methods: (on: object) => logMethods(on, host.log),
    };
    logMethods(face, host.log);
    return face;
  };
  /** Core module → what makes it. */
  const CORE: { readonly [name: string]: () => unknown } = {
    config: () => config,
    constants: () => CONSTANTS,
    dsn: () => DSN,
    logger,
    outbound: () => outboundModule(host),
    utils: () => UTILS,
    net_utils: () => netUtils(host.machine, host.server.name),
    address: () => addressModule(style),
    notes: () => notesClass,
    server: () => server,
    plugins: () => ({ server, config }),
  };
  const PACKAGES: { readonly [name: string]: string } = {
    "haraka-config": "config",
    "haraka-constants": "constants",
    "haraka-dsn": "dsn",
    "haraka-utils": "utils",
    "haraka-net-utils": "net_utils",
    "haraka-notes": "notes",
    "address-rfc2821": "address",
    "@haraka/email-address": "address",
  };
  const native = commonJs.requireFor(path);
  const core = (name: string) => {
    const bare = name.replace(/^(?:\.\.?\/)+/, "").replace(/\.js$/, "");
    const make = Object.hasOwn(CORE, bare) ? CORE[bare] : undefined;
    if (make === undefined) {
      throw new Error(
        `Haraka's core module ${name} is not offered here; wanted one of: ${Object.keys(CORE).join(", ")}`,
      );
    }
    return once(bare, make);
  };
  return {
    core,
    require(name) {
      if (name === "haraka-config") return config;
      const isOurs = Object.hasOwn(CORE, name.replace(/^\.\.?\//, "").replace(/\.js$/, ""));
      if (/^\.\//.test(name) && isOurs) return core(name);
      try {
        return native(name);
      } catch (fault) {
        if (!isMissing(fault, name)) throw fault;
        if (Object.hasOwn(PACKAGES, name)) return core(PACKAGES[name]!);
        if (name === "haraka-tld") return TLD;
        if (/^\.\.\//.test(name) && isOurs) return core(name);
        throw fault;
      }
    },
  };
}

function notesClass(this: unknown, given: Record<string, unknown> = {}): unknown {
  return notesFace(new Notes(given));
}

/** The module itself, not one that it asks for. */
function isMissing(fault: unknown, name: string): boolean {
  const { code, message } = fault as { code?: string; message?: string };
  return (code === "MODULE_NOT_FOUND" || /Cannot find module/.test(message ?? "")) && (message ?? "").includes(name);
}
