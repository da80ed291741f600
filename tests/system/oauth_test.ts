/** Tokens over real TLS, shown to a real endpoint: who is let in, who is told why not, and what the log keeps of it. */
import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import net from "node:net";
import tls from "node:tls";
import { startKasi } from "../kit/site.ts";
import { test } from "../kit/test.ts";

const oauth = (token: string, user: string) =>
  `AUTH OAUTHBEARER ${btoa(`n,a=${user},\x01auth=Bearer ${token}\x01\x01`)}`;
const xoauth2 = (token: string, user: string) => `AUTH XOAUTH2 ${btoa(`user=${user}\x01auth=Bearer ${token}\x01\x01`)}`;

function replyOf(socket: net.Socket, line?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = "";
    const take = (octets: Uint8Array) => {
      held += new TextDecoder().decode(octets);
      if (!/^\d{3}(?: .*)\r\n$/m.test(held)) return;
      socket.off("data", take).off("close", gone);
      resolve(held.trimEnd());
    };
    const gone = () => reject(new Error(`closed after ${held}`));
    socket.on("data", take).once("close", gone);
    if (line !== undefined) socket.write(`${line}\r\n`);
  });
}

async function secured(port: number): Promise<tls.TLSSocket> {
  const plain = net.connect(port, "127.0.0.1");
  await replyOf(plain);
  assert.doesNotMatch(await replyOf(plain, "EHLO me"), /OAUTHBEARER/);
  await replyOf(plain, "STARTTLS");
  const socket = tls.connect({ socket: plain, servername: "localhost", rejectUnauthorized: false });
  socket.on("error", () => {});
  await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  assert.match(await replyOf(socket, "EHLO me"), /AUTH OAUTHBEARER XOAUTH2/);
  return socket;
}

test("a token is introspected at its endpoint: 235, 535 with the reason before, 454 when the endpoint fails", async () => {
  let asked = 0;
  const endpoint = http.createServer(async (request, response) => {
    asked++;
    let body = "";
    for await (const chunk of request) body += new TextDecoder().decode(chunk as Uint8Array);
    const known = request.headers.authorization === `Basic ${btoa("mail:s3cret")}`;
    const token = new URLSearchParams(body).get("token");
    response.statusCode = !known ? 401 : token === "tok.broken" ? 500 : 200;
    response.end(
      JSON.stringify(token === "tok.good" ? { active: true, username: "tim@kasi.test" } : { active: false }),
    );
  });
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  const { port } = endpoint.address() as AddressInfo;
  const sockets: tls.TLSSocket[] = [];
  try {
    await using kasi = await startKasi({
      files: {
        "config/plugins": "tls\nauth/oauth2\n",
        "config/auth_oauth2.ini":
          `[main]\nurl=http://127.0.0.1:${port}/introspect\nclient_id=mail\nclient_secret=s3cret\n`,
      },
    });
    const open = async () => {
      const socket = await secured(kasi.port);
      sockets.push(socket);
      return socket;
    };
    for (const line of [oauth("tok.good", "tim@kasi.test"), xoauth2("tok.good", "tim@kasi.test")]) {
      assert.match(await replyOf(await open(), line), /^235 /);
    }
    assert.equal(asked, 1, "the second time it is known");

    const socket = await open();
    assert.match(await replyOf(socket, oauth("tok.broken", "tim@kasi.test")), /^454 /);
    const told = await replyOf(socket, oauth("tok.bad", "tim@kasi.test"));
    assert.deepEqual(JSON.parse(atob(told.slice(4))), { status: "invalid_token" });
    assert.match(await replyOf(socket, btoa("\x01")), /^535 /);
    assert.match(await replyOf(socket, oauth("tok.good", "tom@kasi.test")), /^334 /);
    assert.match(await replyOf(socket, btoa("\x01")), /^535 /);
    await kasi.untilLogged(/it is the token of tim@kasi\.test/);
    assert.doesNotMatch(kasi.output(), /tok\.|s3cret/);
  } finally {
    for (const socket of sockets) socket.destroy();
    endpoint.closeAllConnections();
    await new Promise((resolve) => endpoint.close(resolve));
  }
});
