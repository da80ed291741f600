/** The client's side of SCRAM-SHA-256 (RFC 5802), written from the RFC by itself, so that the server's is held against another. */
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest();
const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();
const base64 = (text: string | Uint8Array) => Buffer.from(text as string).toString("base64");

export interface ScramClientOptions {
  readonly user: string;
  readonly password: string;
  /** `n`, `y` or `p=tls-server-end-point`. */
  readonly flag?: string;
  /** What the client takes for the channel's binding. */
  readonly channel?: Uint8Array;
  readonly nonce?: string;
}

export class ScramClient {
  readonly #options: ScramClientOptions;
  readonly #bare: string;
  readonly #header: string;
  #signature = "";
  /** What the server said of the user. */
  salt = "";
  iterations = 0;

  constructor(options: ScramClientOptions) {
    this.#options = options;
    const name = options.user.replaceAll("=", "=3D").replaceAll(",", "=2C");
    this.#header = `${options.flag ?? "n"},,`;
    this.#bare = `n=${name},r=${options.nonce ?? base64(crypto.getRandomValues(new Uint8Array(12)))}`;
  }

  /** Client-first. */
  first(): string {
    return this.#header + this.#bare;
  }

  /** Client-final, to what the server said first. */
  final(serverFirst: string): string {
    const found = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst);
    if (found === null) throw new Error(`No server-first message: ${serverFirst}`);
    const [, nonce, salt, iterations] = found;
    this.salt = salt!;
    this.iterations = Number(iterations);
    const salted = pbkdf2Sync(this.#options.password, Buffer.from(salt!, "base64"), this.iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const binding = base64(Buffer.concat([Buffer.from(this.#header), this.#options.channel ?? new Uint8Array()]));
    const withoutProof = `c=${binding},r=${nonce}`;
    const message = `${this.#bare},${serverFirst},${withoutProof}`;
    const signature = hmac(sha256(clientKey), message);
    this.#signature = base64(hmac(hmac(salted, "Server Key"), message));
    return `${withoutProof},p=${base64(clientKey.map((octet, i) => octet ^ signature[i]!))}`;
  }

  /** Whether the server knows the user's keys as well. */
  trusts(serverFinal: string): boolean {
    return serverFinal === `v=${this.#signature}`;
  }
}

/** Holds the exchange by `say`, which sends a line and gives the reply; the last reply comes back, the server's signature checked. */
export async function authenticateByScram(
  say: (line: string) => Promise<string | undefined>,
  mechanism: string,
  client: ScramClient,
): Promise<string> {
  const opened = await say(`AUTH ${mechanism} ${base64(client.first())}`);
  if (!opened?.startsWith("334 ")) return opened ?? "";
  const answered = await say(base64(client.final(fromBase64(opened.slice(4)))));
  if (!answered?.startsWith("334 ")) return answered ?? "";
  if (!client.trusts(fromBase64(answered.slice(4)))) throw new Error("The server's signature is another's");
  return (await say("")) ?? "";
}

function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString();
}
