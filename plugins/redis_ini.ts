/** redis.ini, the section `[redis]` by which a plugin's own file departs from it, and the settings that both come to. */
import { ConfigError, fileShape, type RedisSettings, type Settings } from "kasi";

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

export const REDIS_INI = fileShape({
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

/** `[redis]` of a plugin's own file: what it leaves out is as redis.ini has it. */
export const REDIS_SECTION = {
  host: {
    type: "optional-text",
    about: "A Redis server for this plugin alone: its name or address.",
    was: ["ip", "server_ip"],
  },
  port: { type: "optional-text", about: "Its port.", was: ["server_port"] },
  path: { type: "optional-text", about: "Its Unix socket, in the place of both." },
  username: { type: "optional-text", about: "Who we are there." },
  password: { type: "optional-text", about: "Our password there." },
  database: {
    type: "optional-text",
    about: "Number of a database for this plugin alone, on the server of redis.ini unless another is named.",
    was: ["db", "dbid"],
  },
} as const;

/** What a file says of Redis; a key that is not there departs from nothing. */
export type RedisSection = { readonly [K in keyof typeof REDIS_SECTION]?: string | undefined };

/** Where the shared connection leads. Throws ConfigError for a number that is none. */
export function sharedSettings({ server, opts }: Settings<typeof REDIS_INI.shape>): RedisSettings {
  const { host, port, tls, connectTimeout, path, username } = server;
  return {
    hostname: host,
    port,
    tls,
    timeoutMs: connectTimeout,
    ...(path !== undefined && { path }),
    ...(username !== undefined && { username }),
    ...passwordAndDatabase("redis.ini", "server", {
      password: server.password ?? opts.password,
      database: server.database ?? opts.database,
    }),
  };
}

/** Where a plugin's section leads; undefined when it departs from nothing. Throws ConfigError for a number that is none. */
export function ownSettings(shared: RedisSettings, file: string, section: RedisSection): RedisSettings | undefined {
  const { host, port, path, username } = section;
  if (Object.keys(REDIS_SECTION).every((key) => section[key as keyof RedisSection] === undefined)) return undefined;
  const { path: sharedPath, ...elsewhere } = shared;
  // Who names another host does not mean the socket of this one.
  const base = host === undefined && port === undefined
    ? { ...elsewhere, ...(sharedPath && { path: sharedPath }) }
    : elsewhere;
  return {
    ...base,
    ...(host !== undefined && { hostname: host }),
    ...(port !== undefined && { port: wholeNumber(file, "[redis] port", port) }),
    ...(path !== undefined && { path }),
    ...(username !== undefined && { username }),
    ...passwordAndDatabase(file, "redis", section),
  };
}

/** Whether both lead to the same database of the same server. */
export function isSamePlace(a: RedisSettings, b: RedisSettings): boolean {
  const place = ({ path, hostname, port, username, database }: RedisSettings) =>
    JSON.stringify([path ?? [hostname, port], username, database ?? 0]);
  return place(a) === place(b);
}

function passwordAndDatabase(file: string, section: string, { password, database }: RedisSection) {
  return {
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database: wholeNumber(file, `[${section}] database`, database) }),
  };
}

function wholeNumber(file: string, setting: string, text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new ConfigError({ file, setting, current: text, wanted: "a whole number" });
}
