/** Behind a proxy: the PROXY header over real sockets, in plain and in front of the handshake. */
import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { concat, latin1Decode, latin1Encode } from "../../src/base/bytes.ts";
import { freePort } from "../kit/mail_programs.ts";
import { v2, V4_ADDRESSES } from "../kit/proxy_header.ts";
import { startKasi } from "../kit/site.ts";
import { test } from "../kit/test.ts";

const FILES = {
  "config/plugins": "tls\nrcpt_to.in_host_list\nqueue/discard\n",
  "config/haproxy_hosts": "127.0.0.0/8\n",
};

/** What the server says until it matches `last`, or all of it at the end. */
function heard(socket: net.Socket, last: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (octets: Uint8Array) => {
      text += latin1Decode(octets);
      if (last.test(text)) resolve(text);
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}

/** Passes on one connection, with `header` in the same write as the client's first octets. */
async function proxyTo(port: number, header: string | Uint8Array): Promise<{ port: number; close(): Promise<void> }> {
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    const head = typeof header === "string" ? latin1Encode(header) : header;
    near.once("data", (first: Uint8Array) => {
      far.write(concat([head, first]));
      near.on("data", (octets) => far.write(octets));
    });
    far.on("data", (octets) => near.write(octets));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

test("a proxy's word counts on a plain port, and other clients can't use it", async () => {
  await using kasi = await startKasi({ files: FILES });
  const socket = net.connect(kasi.port, "127.0.0.1");
  socket.write("PROXY TCP4 192.0.2.7 198.51.100.1 41000 25\r\n");
  socket.write("EHLO me\r\nQUIT\r\n");
  const said = await heard(socket, /\r\n221 /);
  assert.match(said, /^220 /);
  assert.match(said, /Hello .*\[192\.0\.2\.7\]/);
  await kasi.untilLogged(/connect .*ip=192\.0\.2\.7 /);
  socket.destroy();

  const rude = net.connect(kasi.port, "127.0.0.1");
  rude.write("EHLO me\r\n");
  assert.equal(await heard(rude, /$^/), "421 Invalid PROXY format\r\n");
});

test("on a port of implicit TLS the header stands in front of the handshake, in one write with it", async () => {
  const smtpsPort = await freePort();
  await using kasi = await startKasi({
    listen: `127.0.0.1:${smtpsPort}`,
    smtpIni: `smtps_port=${smtpsPort}\n`,
    files: FILES,
  });
  for (const header of [v2({ addresses: V4_ADDRESSES }), "PROXY TCP4 192.0.2.7 198.51.100.1 41000 465\r\n"]) {
    const proxy = await proxyTo(smtpsPort, header);
    const secure = tls.connect({ port: proxy.port, host: "127.0.0.1", rejectUnauthorized: false });
    const said = heard(secure, /\r\n221 /);
    secure.write("EHLO me\r\nQUIT\r\n");
    assert.match(await said, /^220 [^]*Hello .*\[192\.0\.2\.7\]/);
    secure.destroy();
    await proxy.close();
  }
  const rude = tls.connect({ port: smtpsPort, host: "127.0.0.1", rejectUnauthorized: false });
  assert.equal(await heard(rude, /$^/), "");
  await kasi.untilLogged(/Invalid PROXY format/);
});
