/**
 * A connection to a Redis server, over the package `@redis/client`; loaded when the first one is opened.
 *
 * It comes and goes as the server does: while there is none, commands reject at once and nothing is kept for later, so that who uses it
 * goes on without. Nothing here ever waits longer than `timeoutMs`.
 */
import type { RedisLink, RedisSettings, RedisWatch } from "./types.ts";

/** Commands under way at one time; more are refused. */
const MOST_UNDER_WAY = 5_000;
const LONGEST_PAUSE_MS = 5_000;

type Client = ReturnType<typeof import("@redis/client")["createClient"]>;

export async function openRedis(settings: RedisSettings, watch: RedisWatch): Promise<RedisLink> {
  const { createClient } = await import("@redis/client");
  const client = connected(createClient, settings, watch);
  return {
    url: urlOf(settings),
    get ready() {
      return client.isReady;
    },
    async command(words) {
      return await limited(client.sendCommand([...words]), settings.timeoutMs);
    },
    close() {
      if (client.isOpen) client.destroy();
    },
  };
}

function connected(
  createClient: typeof import("@redis/client")["createClient"],
  settings: RedisSettings,
  watch: RedisWatch,
): Client {
  const { hostname, port, path, tls, username, password, database, timeoutMs } = settings;
  const common = {
    connectTimeout: timeoutMs,
    reconnectStrategy: (tries: number) => Math.min(50 * 2 ** Math.min(tries, 10), LONGEST_PAUSE_MS),
  };
  const client: Client = createClient({
    socket: path !== undefined
      ? { ...common, path }
      : tls
      ? { ...common, host: hostname, port, tls: true }
      : { ...common, host: hostname, port, noDelay: true },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    // Whoever sends commands by their words expects what these give: a hash as a list. And servers before 6.0 know no other.
    RESP: 2,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_UNDER_WAY,
  }) as Client;
  let well: boolean | undefined;
  client.on("ready", () => {
    if (well !== true) watch.onReady();
    well = true;
  });
  // Each try that fails says so: only the first of a row is news.
  client.on("error", (error) => {
    if (well !== false) watch.onTrouble(error instanceof Error ? error : new Error(String(error)));
    well = false;
  });
  // It tries on by itself until it is destroyed, and only then rejects.
  client.connect().catch(() => {});
  return client;
}

async function limited<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis gave no answer within ${ms} ms`)), ms);
  });
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function urlOf({ hostname, port, path, tls, database }: RedisSettings): string {
  const at = path ?? `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  return `${path !== undefined ? "unix" : tls ? "rediss" : "redis"}://${at}${
    path === undefined ? `/${database ?? 0}` : ""
  }`;
}
