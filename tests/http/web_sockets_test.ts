import assert from "node:assert/strict";
import { createWebSockets } from "../../src/http/web_sockets.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

/** As much of a WebSocket as the server's side of it needs. */
class FakeSocket extends EventTarget {
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  closedWith: number | undefined;

  send(data: unknown): void {
    this.sent.push(data);
  }
  close(code?: number): void {
    this.readyState = 3;
    this.closedWith = code;
    this.dispatchEvent(new Event("close"));
  }
}

function world() {
  const memory = memoryLog();
  const sockets = createWebSockets(memory.log);
  const open = (headers: Record<string, string> = {}) => {
    const socket = new FakeSocket();
    const response = sockets.accept(new Request("http://kasi.test/live", { headers }), {
      ip: "192.0.2.1",
      upgrade(onOpen) {
        onOpen(socket as unknown as WebSocket);
        return new Response("upgraded");
      },
    });
    return { socket, response };
  };
  return { memory, sockets, open };
}

test("a broadcast reaches everyone who is there and says how many", () => {
  const { sockets, open } = world();
  const [a, b, c] = [open().socket, open().socket, open().socket];
  assert.equal(sockets.size, 3);
  b.close();
  c.readyState = 2; // closing
  assert.equal(sockets.face.broadcast("news"), 1);
  assert.deepEqual([a.sent, b.sent, c.sent], [["news"], [], []]);
  assert.equal(sockets.size, 2);
});

test("listeners hear of each connection with its request; one that fails does not keep it from the next", () => {
  const { memory, sockets, open } = world();
  const heard: string[] = [];
  sockets.face.onConnection(() => {
    throw new Error("the reason");
  });
  sockets.face.onConnection((_, { url }) => void heard.push(url));
  open();
  assert.deepEqual(heard, ["http://kasi.test/live"]);
  assert.match(memory.text(), /A WebSocket listener failed: Error: the reason/);
});

test("a client that does not keep up is given up", () => {
  const { sockets, open } = world();
  const { socket } = open();
  socket.bufferedAmount = 2_000_000;
  assert.equal(sockets.face.broadcast("news"), 0);
  assert.deepEqual([socket.closedWith, socket.sent, sockets.size], [1008, [], 0]);
});

test("browsers are let in from pages of the same host only", () => {
  const { sockets, open } = world();
  const status = (origin: string) => open({ origin }).response.status;
  assert.deepEqual(["http://evil.test", "null", "http://kasi.test:8080"].map(status), [403, 403, 403]);
  assert.equal(sockets.size, 0);
  assert.deepEqual(["http://kasi.test", "https://kasi.test"].map(status), [200, 200]);
});

test("a request that is no opening is 400", () => {
  const { sockets } = world();
  const response = sockets.accept(new Request("http://kasi.test/"), {
    ip: "",
    upgrade() {
      throw new TypeError("no");
    },
  });
  assert.equal(response.status, 400);
});

test("close() says farewell to all, to late comers too", () => {
  const { sockets, open } = world();
  const { socket } = open();
  sockets.close();
  assert.deepEqual([socket.closedWith, open().socket.closedWith, sockets.size], [1001, 1001, 0]);
});
