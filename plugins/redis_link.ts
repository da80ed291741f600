/**
 * Redis for a plugin: the connection that the plugin `redis` shares, or one of its own where its file names another server or database.
 *
 * A plugin that finds none goes on without; one that finds it down decides by itself what that means for mail. Nothing is waited for at the start.
 */
import type { HookEvent, PluginHost, RedisLink } from "kasi";
import { isSamePlace, ownSettings, REDIS_INI, type RedisSection, sharedSettings } from "./redis_ini.ts";

export interface PluginRedis {
  /** undefined: this site has no Redis for the plugin. Known once the server has started. */
  readonly link: RedisLink | undefined;
  /** Belongs among the plugin's hooks: by then every plugin is there, in whatever order they are listed. */
  init_child(event: HookEvent<"init_child">): Promise<void>;
}

/** `section`: `[redis]` of `file`, as it stood at the start. Throws ConfigError for what cannot be read. */
export async function pluginRedis(
  { config, log, machine, server, signal }: PluginHost,
  file: string,
  section: RedisSection,
): Promise<PluginRedis> {
  const shared = sharedSettings((await config.ini(REDIS_INI)).value);
  const own = ownSettings(shared, file, section);
  let link: RedisLink | undefined;
  return {
    get link() {
      return link;
    },
    async init_child() {
      const common = server.notes.get("redis") as RedisLink | undefined;
      if (own === undefined || common !== undefined && isSamePlace(own, shared)) return void (link = common);
      link = await machine.openRedis(own, {
        onReady: () => log.info("Connected to Redis", { host: own.path ?? own.hostname, port: own.port }),
        onTrouble: (reason) => log.error(`No Redis: ${reason.message}; going on without`),
      });
      signal.addEventListener("abort", () => link?.close(), { once: true });
    },
  };
}
