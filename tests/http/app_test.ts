import assert from "node:assert/strict";
import { type App, createApp } from "../../src/http/app.ts";
import type { HttpPeer } from "../../src/host/types.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const PEER: HttpPeer = {
  ip: "192.0.2.1",
  upgrade() {
    throw new TypeError("no WebSocket here");
  },
};

function world() {
  const { host } = memoryMachine();
  const memory = memoryLog();
  host.mkdirSync("/docroot");
  host.writeTextFileSync("/docroot/index.html", "index");
  host.writeTextFileSync("/docroot/page.html", "page");
  const app = createApp({ host, log: memory.log, docroot: "/docroot" });
  return { host, memory, app, face: app.face };
}

async function ask(app: App, path: string, init: RequestInit = {}): Promise<[number, string]> {
  const response = await app.handle(new Request(`http://kasi.test${path}`, init), PEER);
  return [response.status, await response.text()];
}

test("routes answer in the order they were registered, and may leave a request to the next", async () => {
  const { app, face } = world();
  face.use("/", ({ headers }) => headers.has("x-stop") ? new Response("stopped", { status: 401 }) : undefined);
  face.get("/logs/:id", (_, { params, ip }) => new Response(`${params.id} ${ip}`));
  face.get("/logs/:other", () => new Response("never"));
  face.use("/api", async (request, { rest }) => new Response(`${request.method} ${rest} ${await request.text()}`));
  assert.deepEqual(await ask(app, "/logs/7"), [200, "7 192.0.2.1"]);
  assert.deepEqual(await ask(app, "/logs/7", { headers: { "x-stop": "1" } }), [401, "stopped"]);
  assert.deepEqual(await ask(app, "/api/a/b", { method: "PUT", body: "text" }), [200, "PUT /a/b text"]);
});

test("behind the routes come the files of the docroot, then 404", async () => {
  const { app, face } = world();
  face.get("/page.html", () => undefined);
  assert.deepEqual(await ask(app, "/"), [200, "index"]);
  assert.deepEqual(await ask(app, "/page.html"), [200, "page"]);
  assert.deepEqual(await ask(app, "/nowhere", { headers: { accept: "text/plain" } }), [404, "Not found!"]);
  assert.equal((await ask(app, "/index.html", { method: "POST" }))[0], 404);
});

test("a route for reading answers HEAD without a body and 405 to other methods", async () => {
  const { app, face } = world();
  let cancelled = false;
  const body = () => new ReadableStream({ cancel: () => void (cancelled = true) });
  face.get("/read", () => new Response(body(), { headers: { "x-kept": "yes" } }));
  const head = await app.handle(new Request("http://x/read", { method: "HEAD" }), PEER);
  assert.deepEqual([head.status, head.headers.get("x-kept"), head.body, cancelled], [200, "yes", null, true]);
  const post = await app.handle(new Request("http://x/read", { method: "POST", body: "x" }), PEER);
  assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
});

test("a handler's fault is bland to the client and told to the log", async () => {
  const { app, face, memory } = world();
  face.get("/throws", () => {
    throw new Error("the reason");
  });
  face.get("/rejects", () => Promise.reject("a word"));
  assert.deepEqual(await ask(app, "/throws?secret=1"), [500, "Internal error\n"]);
  assert.deepEqual(await ask(app, "/rejects"), [500, "Internal error\n"]);
  assert.match(memory.text(), /Cannot answer GET \/throws: Error: the reason/);
  assert.match(memory.text(), /Cannot answer GET \/rejects: a word/);
  assert.doesNotMatch(memory.text(), /secret/);
});

test("static() serves a directory of a plugin's own under its path", async () => {
  const { app, face, host } = world();
  host.mkdirSync("/own");
  host.writeTextFileSync("/own/app.js", "script");
  face.use("/own-files/", face.static("/own"));
  assert.deepEqual(await ask(app, "/own-files/app.js"), [200, "script"]);
  assert.equal((await ask(app, "/own-files/no.js"))[0], 404);
  assert.equal((await ask(app, "/own-files/app.js", { method: "DELETE" }))[0], 404);
  assert.equal((await ask(app, "/own-files/..%2fdocroot/page.html"))[0], 400);
});

test("a bad route is refused when it is registered", () => {
  const { face } = world();
  assert.throws(() => face.get("logs", () => undefined), TypeError);
  assert.throws(() => face.use("", () => undefined), TypeError);
});

test("requests for a WebSocket go to whoever takes them, else they are like others", async () => {
  const { app } = world();
  const init = { headers: { upgrade: "WebSocket" } };
  assert.deepEqual(await ask(app, "/", init), [200, "index"]);
  app.sockets = (request, peer) => new Response(`${new URL(request.url).pathname} ${peer.ip}`);
  assert.deepEqual(await ask(app, "/live", init), [200, "/live 192.0.2.1"]);
  assert.deepEqual(await ask(app, "/"), [200, "index"]);
});
