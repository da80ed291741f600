/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), the latter bound to our certificate (`tls-server-end-point`, RFC 5929 §4).
 *
 * The server must say a salt before it sees a proof: so the rest of the exchange is held while a plugin `verify`s, with what that plugin
 * knows. A user whom nobody knows gets a salt too, ever the same, and fails at the end like any other.
 */
import { type Bytes, concat, EMPTY, utf8Encode } from "../base/bytes.ts";
import type { AuthAttempt, Known } from "../hooks/session.ts";
import { encodeBase64 } from "../wire/base64.ts";
import {
  authMessage,
  bindsTo,
  type ClientFinal,
  type ClientFirst,
  formatServerFinal,
  formatServerFirst,
  parseClientFinal,
  parseClientFirst,
  proves,
  textOf,
} from "../wire/sasl/scram.ts";
import {
  deriveScramKeys,
  hmac,
  LEAST_ITERATIONS,
  SALT_OCTETS,
  type ScramKeys,
  sha256,
} from "../wire/sasl/scram_keys.ts";
import { attemptOf, challenge, type Credentials, type Ended, INVALID, isEnded } from "./auth_exchange.ts";
import type { Dialogue } from "./dialogue.ts";
import { TEXTS } from "./texts.ts";

export const SCRAM = "SCRAM-SHA-256";
export const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";
const BINDING = "tls-server-end-point";

export async function scram(
  talk: Dialogue,
  initial: Bytes | undefined,
  mechanism: string,
): Promise<Credentials | Ended> {
  const answer = initial ?? await challenge(talk, EMPTY);
  if (isEnded(answer)) return answer;
  const first = parseClientFirst(textOf(answer) ?? "");
  if (first === undefined || (first.authzid !== "" && first.authzid !== first.user)) return INVALID;
  const objection = bindingFault(talk, first, mechanism);
  if (objection !== undefined) {
    talk.session.log.notice(`AUTH ${mechanism}: ${objection}`, { user: first.user });
    return { reply: TEXTS.authFailed, close: false };
  }
  return new ScramExchange(talk, first, mechanism).credentials;
}

/** RFC 5802 §6: who wants a binding must get the one we have, and nobody may be talked out of it. */
function bindingFault(talk: Dialogue, { flag }: ClientFirst, mechanism: string): string | undefined {
  if (mechanism === SCRAM_PLUS) {
    if (typeof flag === "string") return "the client is to be bound to the channel and is not";
    return flag.kind === BINDING ? undefined : `the client is bound by ${flag.kind}, not by ${BINDING}`;
  }
  if (typeof flag !== "string") return `a bound client takes ${SCRAM_PLUS}`;
  return flag === "y" && talk.offered.auth.has(SCRAM_PLUS)
    ? `the client was not shown ${SCRAM_PLUS}: somebody stands between us`
    : undefined;
}

/** What has been said to the client, and what it answered. */
interface Said {
  readonly final: ClientFinal;
  readonly message: Bytes;
  readonly salt: Bytes;
  readonly iterations: number;
}

class ScramExchange {
  readonly credentials: Credentials;
  readonly #talk: Dialogue;
  readonly #first: ClientFirst;
  #said: Promise<Said | Ended> | undefined;
  #answered = false;
  #ended: Ended | undefined;
  /** Those whose password the client has proved to know. */
  #proved: ScramKeys | undefined;

  constructor(talk: Dialogue, first: ClientFirst, mechanism: string) {
    this.#talk = talk;
    this.#first = first;
    const attempt: AuthAttempt = attemptOf(mechanism, first.user, { verify: (known) => this.#verify(known) });
    this.credentials = {
      attempt,
      broken: () => this.#broken(),
      accepted: () => this.#accept(),
      refused: () => this.#refuse(attempt),
    };
  }

  async #verify(known: Known): Promise<boolean> {
    const salted = "scram" in known ? known.scram : { salt: await this.#saltOfOurs(), iterations: LEAST_ITERATIONS };
    const said = await this.#say(salted);
    if (isEnded(said)) return false;
    const keys = "scram" in known ? known.scram : await deriveScramKeys(known.password, said.salt, said.iterations);
    if (!await proves(said.final.proof, keys, said.message)) return false;
    this.#proved = keys;
    return true;
  }

  /** The salt goes out once: of several who know the user, the first to be asked. */
  #say(salted: Pick<ScramKeys, "salt" | "iterations">): Promise<Said | Ended> {
    return this.#said ??= this.#exchange(salted).then((said) => {
      this.#answered = true;
      if (isEnded(said)) this.#ended = said;
      return said;
    });
  }

  async #exchange({ salt, iterations }: Pick<ScramKeys, "salt" | "iterations">): Promise<Said | Ended> {
    const first = this.#first;
    const nonce = first.nonce + encodeBase64(crypto.getRandomValues(new Uint8Array(18)));
    const serverFirst = formatServerFirst(nonce, { salt, iterations });
    const answer = await challenge(this.#talk, utf8Encode(serverFirst));
    if (isEnded(answer)) return answer;
    const final = parseClientFinal(textOf(answer) ?? "");
    // RFC 5802 §5.1: the nonce of both, and the header and channel the client began with.
    if (final === undefined || final.nonce !== nonce) return INVALID;
    const channel = this.#talk.session.tls?.serverEndPoint;
    if (!bindsTo(final, first, channel)) {
      this.#talk.session.log.notice("AUTH: the client is bound to another channel", { user: first.user });
      return { reply: TEXTS.authFailed, close: false };
    }
    return { final, message: authMessage(first, serverFirst, final), salt, iterations };
  }

  #broken(): Ended | undefined {
    // A plugin that was late has left us in the middle: the next line would be the client's proof, and no command.
    if (this.#said !== undefined && !this.#answered) return { reply: TEXTS.authLate, close: true };
    return this.#ended;
  }

  async #accept(): Promise<Ended | undefined> {
    if (this.#proved === undefined || this.#said === undefined) {
      this.#talk.session.log.error("AUTH: a plugin said ok to SCRAM and verified nothing");
      return { reply: TEXTS.authTrouble, close: false };
    }
    const said = await this.#said;
    if (isEnded(said)) return said;
    // RFC 4954 §4: success carries no data, so the signature is one more challenge, to be answered by nothing.
    const signature = await formatServerFinal(this.#proved, said.message);
    const answer = await challenge(this.#talk, utf8Encode(signature), true);
    return isEnded(answer) ? answer : answer.length === 0 ? undefined : INVALID;
  }

  /** Nobody knew the user, or nobody wished to: the client is to learn neither. */
  async #refuse({ decoy }: AuthAttempt): Promise<Ended | undefined> {
    const said = await this.#say({
      salt: await this.#saltOfOurs(decoy?.saltOctets),
      iterations: decoy?.iterations ?? LEAST_ITERATIONS,
    });
    return isEnded(said) ? said : undefined;
  }

  /** The same for a name whenever it is asked, and nothing anybody can compute who has not our secret (RFC 5802 §9 by its intent). */
  async #saltOfOurs(octets = SALT_OCTETS): Promise<Bytes> {
    const secret = await sha256(concat([utf8Encode("SCRAM salt\0"), this.#talk.context.secret?.() ?? OF_THIS_PROCESS]));
    const salt = await hmac(secret, utf8Encode(this.#first.user));
    return salt.slice(0, octets);
  }
}

const OF_THIS_PROCESS: Bytes = crypto.getRandomValues(new Uint8Array(32));
