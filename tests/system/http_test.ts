/** HTTP over real sockets, on both doors: what http.ini starts, what plugins add to it, and how it ends. */
import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { join } from "node:path";
import { serveHttp } from "../../src/host/http_server.ts";
import { thisMachine } from "../../src/host/machine.ts";
import type { HttpHandler, NetAddr } from "../../src/host/types.ts";
import { createWebSockets } from "../../src/http/web_sockets.ts";
import { freePort } from "../kit/free_port.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { makePki } from "../kit/pki.ts";
import { type RunningSite, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const { host } = await thisMachine();

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** By node:http, because fetch knows neither Unix sockets nor paths that no browser would send. */
function ask(options: https.RequestOptions & { body?: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { request } = options.protocol === "https:" ? https : http;
    const asked = request({ agent: false, ...options }, (incoming) => {
      let body = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (text) => body += text);
      incoming.on("end", () => resolve({ status: incoming.statusCode!, headers: incoming.headers, body }));
      incoming.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(options.body);
  });
}

/** Sends octets as they are and gives what came until the end. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = "";
    const socket = net.connect(port, "127.0.0.1", () => void socket.write(text));
    socket.setEncoding("latin1");
    socket.on("data", (piece) => got += piece);
    socket.on("end", () => socket.end());
    socket.on("close", () => resolve(got));
    socket.on("error", reject);
  });
}

async function httpPort(kasi: RunningSite): Promise<number> {
  return Number((await kasi.untilLogged(/HTTP on 127\.0\.0\.1:(\d+)/))[1]);
}

/** Why an address of the loopback cannot be listened on; undefined when it can. */
function cannotListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", (error) => resolve(`cannot listen on ${host}:${port}: ${error.message}`));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

const ON_DENO = "Deno" in globalThis;
const HTTPS = { host: "127.0.77.1", port: 443 };

test(
  "[row 56] http.ini listens, port 443 with TLS; the docroot is served, and what is not there is 404 as HTML, JSON or text",
  {
    skip: await cannotListen(HTTPS.host, HTTPS.port),
  },
  async () => {
    await using kasi = await startKasi({
      files: {
        "config/http.ini": `[main]\nlisten=127.0.0.1:0,${HTTPS.host}:${HTTPS.port}\ndocroot=pages\n`,
        "config/plugins": "",
        "pages/index.html": "<h1>Our pages</h1>",
        "pages/404.html": "<h1>Ours is gone</h1>",
        "pages/sub/a b.txt": "a file",
        "secret.txt": "not for you",
      },
    });
    const at = [{ host: "127.0.0.1", port: await httpPort(kasi) }, {
      ...HTTPS,
      protocol: "https:",
      rejectUnauthorized: false,
    }];
    await kasi.untilLogged(/HTTPS on 127\.0\.77\.1:443/);
    for (const to of at) {
      const index = await ask({ ...to, path: "/" });
      assert.deepEqual([index.status, index.body], [200, "<h1>Our pages</h1>"]);
      assert.match(index.headers["content-type"]!, /^text\/html/);
      assert.equal((await ask({ ...to, path: "/sub/a%20b.txt" })).body, "a file");
      const unknown = (accept: string) => ask({ ...to, path: "/nowhere", headers: { accept } });
      const kinds = await Promise.all(["text/html,*/*;q=0.8", "application/json", "text/plain"].map(unknown));
      assert.deepEqual(kinds.map(({ status }) => status), [404, 404, 404]);
      assert.deepEqual(kinds.map(({ headers }) => headers["content-type"]!.split(";")[0]), [
        "text/html",
        "application/json",
        "text/plain",
      ]);
      assert.deepEqual(kinds.map(({ body }) => body), ["<h1>Ours is gone</h1>", '{"err":"Not found"}', "Not found!"]);
      for (
        const path of [
          "/../secret.txt",
          "/%2e%2e/secret.txt",
          "/sub/..%2f..%2fsecret.txt",
          "//secret.txt",
          "/..\\secret.txt",
        ]
      ) {
        const { status, body } = await ask({ ...to, path });
        assert.ok(status === 404 || status === 400, `${path} was answered with ${status}`);
        assert.ok(!body.includes("not for you"));
      }
    }
    assert.equal(await kasi.stop(), 0);
  },
);

test(
  "HTTPS shows a renewed certificate from the next connection on, and a broken one is not shown",
  {
    skip: await cannotListen(HTTPS.host, HTTPS.port),
  },
  async () => {
    const [first, second] = await Promise.all([makePki(), makePki()]);
    await using kasi = await startKasi({
      files: {
        "config/http.ini": `[main]\nlisten=${HTTPS.host}:${HTTPS.port}\n`,
        "config/plugins": "tls\n",
        "config/tls.ini": "",
        "config/tls_key.pem": first.leaf.key,
        "config/tls_cert.pem": first.leaf.cert,
      },
    });
    await kasi.untilLogged(/HTTPS on 127\.0\.77\.1:443/);
    const health = ({ ca }: { ca: string }) =>
      ask({ ...HTTPS, protocol: "https:", path: "/health", ca: [ca], servername: "localhost" });
    assert.equal((await health(first)).status, 200);
    await assert.rejects(health(second), /certificate|issuer/i);

    let renewing = true;
    const failures: unknown[] = [];
    let [served, cut] = [0, 0];
    const clients = [1, 2, 3].map(async () => {
      while (renewing) {
        await ask({ ...HTTPS, protocol: "https:", path: "/health", rejectUnauthorized: false }).then(
          ({ status }) => status === 200 ? served++ : failures.push(status),
          // Under Deno a handshake under way is cut: the certificate goes with the listener.
          (cause) => ON_DENO && cause.code === "ECONNRESET" ? cut++ : failures.push(cause),
        );
      }
    });
    writeFileSync(join(kasi.dir, "config/tls_key.pem"), second.leaf.key);
    writeFileSync(join(kasi.dir, "config/tls_cert.pem"), second.leaf.cert);
    await kasi.untilLogged(/has a new certificate/);
    renewing = false;
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    assert.ok(served > 0 && cut <= clients.length, `${served} served, ${cut} cut off`);
    assert.equal((await health(second)).status, 200);

    writeFileSync(join(kasi.dir, "config/tls_cert.pem"), "no certificate");
    await kasi.untilLogged(/no certificate|certificate.*(wanted|cannot|not)/i);
    assert.equal((await health(second)).status, 200);
    assert.equal(await kasi.stop(), 0);
  },
);

const PAGES = `
import { fileURLToPath } from "node:url";
export default {
  name: "pages",
  hooks: {
    init_http({ server: { http, name } }) {
      http.get("/hello/:who", (request, { params, ip }) =>
        new Response(name + " greets " + params.who + " of " + ip + " " + new URL(request.url).search));
      http.use("/echo", async (request) => new Response(request.method + " " + await request.text()));
      http.use("/watch", http.static(fileURLToPath(new URL("../watch/", import.meta.url))));
      http.get("/broken", () => { throw new Error("the reason"); });
    },
    init_wss({ server: { http, wss } }) {
      wss.onConnection((socket, request) => {
        socket.send("welcome to " + new URL(request.url).pathname);
        socket.addEventListener("message", ({ data }) => socket.send(typeof data === "string" ? data.toUpperCase() : data));
      });
      http.get("/say/:text", (_, { params }) => new Response(String(wss.broadcast(params.text))));
    },
  },
};
`;
const withPages = {
  files: {
    "config/http.ini": "[main]\nlisten=127.0.0.1:0\n",
    "config/plugins": "pages\n",
    "plugins/pages.mjs": PAGES,
    "watch/index.html": "<h1>Watch</h1>",
  },
};

test("[row 57] a plugin adds routes at init_http, and they answer", async () => {
  await using kasi = await startKasi(withPages);
  const to = { host: "127.0.0.1", port: await httpPort(kasi) };
  assert.equal(
    (await ask({ ...to, path: "/hello/you%20there?x=1" })).body,
    "kasi.test greets you there of 127.0.0.1 ?x=1",
  );
  assert.equal((await ask({ ...to, path: "/echo/on", method: "POST", body: "word" })).body, "POST word");
  assert.equal((await ask({ ...to, path: "/hello/you", method: "POST" })).status, 405);
  assert.equal((await ask({ ...to, path: "/watch/" })).body, "<h1>Watch</h1>");
  const redirect = await ask({ ...to, path: "/watch" });
  assert.deepEqual([redirect.status, redirect.headers.location], [301, "/watch/"]);
  const broken = await ask({ ...to, path: "/broken" });
  assert.deepEqual([broken.status, broken.body], [500, "Internal error\n"]);
  await kasi.untilLogged(/Cannot answer GET \/broken: .*the reason/);
});

/** A client whose messages are waited for one by one. */
class Listening {
  readonly socket: WebSocket;
  readonly #got: unknown[] = [];
  #wake: () => void = () => {};
  readonly closed: Promise<number>;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", ({ data }) => {
      this.#got.push(data);
      this.#wake();
    });
    this.closed = new Promise((resolve) => this.socket.addEventListener("close", ({ code }) => resolve(code)));
  }

  async next(): Promise<unknown> {
    while (this.#got.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#got.shift();
  }
}

test("[row 58] a plugin takes WebSockets at init_wss: clients are welcomed, answered and reached by a broadcast", async () => {
  await using kasi = await startKasi(withPages);
  const port = await httpPort(kasi);
  const [a, b] = [new Listening(`ws://127.0.0.1:${port}/one`), new Listening(`ws://127.0.0.1:${port}/two`)];
  assert.deepEqual([await a.next(), await b.next()], ["welcome to /one", "welcome to /two"]);
  assert.equal((await ask({ host: "127.0.0.1", port, path: "/say/news" })).body, "2");
  assert.deepEqual([await a.next(), await b.next()], ["news", "news"]);
  a.socket.send("shout");
  assert.equal(await a.next(), "SHOUT");
  a.socket.send(Uint8Array.of(0, 255, 7));
  assert.deepEqual(new Uint8Array(await a.next() as ArrayBuffer), Uint8Array.of(0, 255, 7));
  const status = JSON.parse((await ask({ host: "127.0.0.1", port, path: "/status" })).body);
  assert.equal(status.webSockets, 2);
  a.socket.close();
  await a.closed;
  assert.equal(await kasi.stop(), 0);
  assert.equal(await b.closed, 1001, "the client is told that we go");
});

test("a WebSocket is refused to pages of other hosts, and where it is not asked for well", async () => {
  await using kasi = await startKasi(withPages);
  const port = await httpPort(kasi);
  const opening = (more: string) =>
    raw(port, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`);
  const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const forbidden = raw(
    port,
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nOrigin: http://evil.test\r\n${key}\r\n`,
  );
  assert.match(await forbidden, /^HTTP\/1\.1 403 /);
  const same = new Promise<string>((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.write(
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://127.0.0.1:${port}\r\n${key}\r\n`,
      );
    });
    socket.once("data", (bytes) => {
      resolve(String(bytes));
      socket.destroy();
    });
    socket.on("error", reject);
  });
  assert.match(await same, /^HTTP\/1\.1 101 /);
  assert.match(await opening("Connection: close\r\n"), /^HTTP\/1\.1 400 /);
});

test("a WebSocket client that does not read is given up before it costs much memory", async () => {
  const sockets = createWebSockets(memoryLog().log);
  const server = await serveHttp({
    host,
    endpoint: { host: "127.0.0.1", port: 0 },
    handler: (request, peer) => sockets.accept(request, peer),
  });
  const { promise: there, resolve: arrived } = Promise.withResolvers<void>();
  sockets.face.onConnection(() => arrived());
  const client = net.connect((server.addr as NetAddr).port, "127.0.0.1");
  client.on("error", () => {});
  client.pause();
  client.write(
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await there;
  let sent = 0;
  while (sent < 1000 && sockets.face.broadcast("x".repeat(100_000)) === 1) {
    if (++sent % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(sent > 10 && sent < 500, `given up behind ${sent} broadcasts`);
  assert.equal(sockets.size, 0);
  const closed = new Promise((resolve) => client.once("close", resolve));
  client.destroy();
  await closed;
  await server.close(200);
});

test("/status, /metrics and /health tell of the mail that passed", async () => {
  await using kasi = await startKasi({
    files: {
      "config/http.ini": "[main]\nlisten=127.0.0.1:0\n",
      "config/plugins": "rcpt_to.in_host_list\nqueue/maildir\n",
    },
  });
  const to = { host: "127.0.0.1", port: await httpPort(kasi) };
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  assert.match(await client.mail("a@example.com", ["b@kasi.test"], "Subject: x\r\n\r\nHello\r\n"), /^250/);
  const health = await ask({ ...to, path: "/health" });
  assert.deepEqual([health.status, health.body], [200, "ok\n"]);
  const status = JSON.parse((await ask({ ...to, path: "/status" })).body);
  assert.equal(status.sessions, 1);
  assert.deepEqual(status.queue, { inProgress: 0, queued: 0, tempFail: 0, held: 0, oldestSeconds: 0 });
  assert.equal(status.counts.messages, 1);
  assert.ok(status.memory.rss > 1_000_000);
  assert.match(await client.say("QUIT"), /^221/);
  await kasi.untilLogged(/disconnect ip/);
  const metrics = await ask({ ...to, path: "/metrics" });
  assert.match(metrics.headers["content-type"]!, /^text\/plain; version=0\.0\.4/);
  assert.match(metrics.body, /^kasi_connections_total 1$/m);
  assert.match(metrics.body, /^kasi_messages_total\{reply="2xx"\} 1$/m);
  assert.match(metrics.body, /^kasi_sessions 0$/m);
});

test("without listen there is no HTTP; a port that is taken costs the mail nothing", async () => {
  await using none = await startKasi({ files: { "config/http.ini": "[main]\n" } });
  const port = await freePort();
  const taker = net.createServer().listen(port, "127.0.0.1");
  try {
    await using kasi = await startKasi({ files: { "config/http.ini": `[main]\nlisten=127.0.0.1:${port}\n` } });
    await kasi.untilLogged(/No HTTP on 127\.0\.0\.1/);
    await using client = await SmtpClient.connect(kasi.port);
    assert.match(await client.hello(), /^250/);
  } finally {
    taker.close();
  }
  await using client = await SmtpClient.connect(none.port);
  assert.match(await client.hello(), /^250/);
  assert.doesNotMatch(none.output(), /HTTP/);
});

/** A server in this process, ended behind the body. */
async function served(handler: HttpHandler, body: (port: number) => Promise<void>): Promise<void> {
  const server = await serveHttp({ host, endpoint: { host: "127.0.0.1", port: 0 }, handler });
  try {
    await body((server.addr as NetAddr).port);
  } finally {
    await server.close(0);
  }
}

test("a server speaks HTTPS with the certificate it is given", async () => {
  const { ca, leaf } = await makePki();
  const server = await serveHttp({
    host,
    endpoint: { host: "127.0.0.1", port: 0 },
    tls: leaf,
    handler: (request) => new Response(new URL(request.url).protocol),
  });
  const { port } = server.addr as NetAddr;
  const answer = await ask({ protocol: "https:", host: "127.0.0.1", port, path: "/", ca, servername: "localhost" });
  await server.close(0);
  assert.equal(answer.body, "https:");
});

test("a Unix socket is served with its mode, and one left behind is replaced", async () => {
  const path = join(temporaryDir(), "http.sock");
  const open = () =>
    serveHttp({ host, endpoint: { path, mode: 0o600 }, handler: (_, { ip }) => new Response(`from "${ip}"`) });
  for (let round = 0; round < 2; round++) {
    const server = await open();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal((await ask({ socketPath: path, path: "/" })).body, 'from ""');
    await server.close(0);
  }
  writeFileSync(path, "a file of somebody's");
  await assert.rejects(open(), "a file that is no socket is not removed");
});

test("HEAD keeps the length and sends no body; several cookies stay several", () =>
  served((request) => {
    const headers = new Headers({ "content-length": "5" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    return new Response(request.method === "HEAD" ? null : "12345", { headers });
  }, async (port) => {
    const [head, get] = await Promise.all(
      ["HEAD", "GET"].map((method) => ask({ host: "127.0.0.1", port, path: "/", method })),
    );
    assert.deepEqual([head!.headers["content-length"], head!.body, get!.body], ["5", "", "12345"]);
    assert.deepEqual(get!.headers["set-cookie"], ["a=1", "b=2"]);
  }));

test("a request that nothing can be made of is answered with 400 or closed, and the next is served", () =>
  served(() => new Response("fine"), async (port) => {
    for (
      const bad of ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", "\0\0\0\r\n\r\n"]
    ) {
      const got = await raw(port, bad.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
      assert.doesNotMatch(got, /^HTTP\/1\.1 5/, bad);
    }
    assert.equal((await ask({ host: "127.0.0.1", port, path: "/" })).body, "fine");
  }));

test("the server ends soon though clients keep connections open or dribble", async () => {
  await using kasi = await startKasi({ files: { "config/http.ini": "[main]\nlisten=127.0.0.1:0\n" } });
  const port = await httpPort(kasi);
  const idle = raw(port, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").catch(() => "");
  const slow = raw(port, "GET /health HTTP/1.1\r\nHo").catch(() => "");
  await ask({ host: "127.0.0.1", port, path: "/health" });
  const from = performance.now();
  assert.equal(await kasi.stop(), 0);
  assert.ok(performance.now() - from < 8000, `it took ${performance.now() - from} ms`);
  assert.match(await idle, /\r\nok\n/);
  assert.doesNotMatch(await slow, /^HTTP\/1\.1 200/);
});

test("close() lets the request under way finish, all of a long answer included", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  const server = await serveHttp({
    host,
    endpoint: { host: "127.0.0.1", port: 0 },
    async handler() {
      begin();
      await go;
      return new Response("late but whole ".repeat(400_000));
    },
  });
  const { port } = server.addr as NetAddr;
  const answer = ask({ host: "127.0.0.1", port, path: "/" });
  await begun;
  const closed = server.close(10_000);
  release();
  assert.equal((await answer).body.length, 6_000_000);
  await closed;
});

test("close() cuts a request off at the deadline", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const server = await serveHttp({
    host,
    endpoint: { host: "127.0.0.1", port: 0 },
    handler: () => new Response(new ReadableStream({ pull: () => (begin(), new Promise<void>(() => {})) })),
  });
  const answer = ask({ host: "127.0.0.1", port: (server.addr as NetAddr).port, path: "/" });
  await begun;
  const from = performance.now();
  const [outcome] = await Promise.all([answer.then(() => "whole", () => "cut off"), server.close(100)]);
  assert.equal(outcome, "cut off");
  assert.ok(performance.now() - from < 5000);
});
