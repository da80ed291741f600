/** One connection to Redis for all who want one, left at the server's note `redis`; publishes results over it. */
import { fileShape, type Plugin, type RedisLink, type RedisSettings, RESULTS_INI } from "kasi";

const OF_A_SERVER = {
  host: { type: "text", default: "127.0.0.1", about: "Name or address of the server.", was: ["ip"] },
  port: { type: "integer", default: 6379, min: 1, max: 65_535, about: "Its port." },
  path: { type: "optional-text", about: "Its Unix socket, in the place of both." },
  tls: { type: "boolean", default: false, about: "Speak TLS with it; its certificate must verify." },
  connectTimeout: { type: "integer", default: 1000, min: 1, about: "Milliseconds for the connection and each answer." },
  username: { type: "optional-text", about: "Who we are." },
  password: { type: "optional-text", about: "Our password." },
  database: { type: "optional-text", about: "Number of the database.", was: ["db"] },
  noDelay: { type: "boolean", default: true, about: "Read for Haraka's files: always." },
  keepAlive: { type: "optional-text", about: "Read for Haraka's files." },
  reconnectStrategy: { type: "optional-text", about: "Read for Haraka's files: it is tried again by itself." },
} as const;

const REDIS_INI = fileShape({
  file: "redis.ini",
  about: "The Redis server that plugins share.",
  shape: {
    server: OF_A_SERVER,
    pubsub: {
      open: true,
      about: "Haraka's server for those who subscribe. Not heeded: results are published on [server], in Haraka too.",
    },
    opts: {
      database: { type: "optional-text", about: "Number of the database, while [server] says none.", was: ["db"] },
      password: { type: "optional-text", about: "Password, while [server] says none." },
    },
  },
});

export default {
  name: "redis",
  about: "Holds a connection to Redis for other plugins and publishes results over it.",
  files: [REDIS_INI],
  async setup({ config, log, machine, results, server, signal }) {
    const { server: at, opts } = (await config.ini(REDIS_INI)).value;
    const database = at.database ?? opts.database;
    const password = at.password ?? opts.password;
    const settings: RedisSettings = {
      hostname: at.host,
      port: at.port,
      tls: at.tls,
      timeoutMs: at.connectTimeout,
      ...(at.path !== undefined && { path: at.path }),
      ...(at.username !== undefined && { username: at.username }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database: Number(database) }),
    };
    const link: RedisLink = await machine.openRedis(settings, {
      onReady: () => log.info("Connected to Redis", { host: at.path ?? at.host, port: at.port }),
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
