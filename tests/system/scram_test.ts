/** SCRAM over real TLS: bound to the certificate that was served, for the name the client asked for. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import tls from "node:tls";
import net from "node:net";
import { authenticateByScram, ScramClient } from "../kit/scram_client.ts";
import { startKasi } from "../kit/site.ts";
import { test } from "../kit/test.ts";

/** Speaks lines over a socket that may become a secure one. */
class Lines {
  #socket: net.Socket;
  #held = "";
  #wake = () => {};
  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#listen();
  }
  #listen(): void {
    this.#socket.on("error", () => {});
    this.#socket.on("data", (octets) => {
      this.#held += octets;
      this.#wake();
    });
  }
  async reply(): Promise<string> {
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(this.#held);
      if (found !== null) {
        this.#held = this.#held.slice(found[0].length);
        return found[0].trimEnd();
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
  say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }
  /** The certificate that was served, as it came. */
  async secure(): Promise<Uint8Array> {
    this.#socket.removeAllListeners("data");
    const secured = tls.connect({ socket: this.#socket, servername: "localhost", rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => secured.once("secureConnect", resolve).once("error", reject));
    this.#socket = secured;
    this.#listen();
    return new Uint8Array(secured.getPeerCertificate().raw);
  }
  end(): void {
    this.#socket.destroy();
  }
}

test("SCRAM-SHA-256-PLUS is bound to the certificate the client sees, and to no other", async () => {
  await using kasi = await startKasi({
    files: {
      "config/plugins": "tls\nauth/flat_file\n",
      "config/auth_flat_file.ini": "[core]\nmethods=SCRAM-SHA-256\n[users]\ntim=tanstaaf\n",
    },
  });
  const flag = "p=tls-server-end-point";
  for (const forged of [false, true]) {
    const client = new Lines(net.connect(kasi.port, "127.0.0.1"));
    try {
      await client.reply();
      assert.doesNotMatch(await client.say("EHLO me"), /PLUS/);
      assert.match(await client.say("STARTTLS"), /^220 /);
      const certificate = await client.secure();
      assert.match(await client.say("EHLO me"), /AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256/);
      const channel = createHash("sha256").update(forged ? certificate.slice(1) : certificate).digest();
      const scram = new ScramClient({ user: "tim", password: "tanstaaf", flag, channel });
      const reply = await authenticateByScram((line) => client.say(line), "SCRAM-SHA-256-PLUS", scram);
      assert.match(reply, forged ? /^535 / : /^235 /);
    } finally {
      client.end();
    }
  }
});
