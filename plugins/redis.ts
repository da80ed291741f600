/** One connection to Redis for all who want one, left at the server's note `redis`; publishes results over it. */
import { type Plugin, type RedisLink, RESULTS_INI } from "kasi";
import { REDIS_INI, sharedSettings } from "./redis_ini.ts";

export default {
  name: "redis",
  about: "Holds a connection to Redis for other plugins and publishes results over it.",
  files: [REDIS_INI],
  async setup({ config, log, machine, results, server, signal }) {
    const settings = sharedSettings((await config.ini(REDIS_INI)).value);
    const link: RedisLink = await machine.openRedis(settings, {
      onReady: () => log.info("Connected to Redis", { host: settings.path ?? settings.hostname, port: settings.port }),
      onTrouble: (reason) => log.error(`No Redis: ${reason.message}; going on without`),
    });
    server.notes.set("redis", link);
    signal.addEventListener("abort", () => link.close(), { once: true });

    const ini = await config.ini(RESULTS_INI);
    let leave: (() => void) | undefined;
    const heed = () => {
      leave?.();
      leave = !ini.value.main.redis_publish ? undefined : results.subscribe(({ id, plugin, result }) => {
        if (!link.ready) return;
        // Who listens may miss one; mail waits for nobody.
        link.command(["PUBLISH", `result-${id}`, JSON.stringify({ plugin, result })]).catch(() => {});
      });
    };
    heed();
    ini.onChange(heed);
    return {};
  },
} satisfies Plugin;
