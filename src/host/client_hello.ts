/**
 * A client's first words of TLS (RFC 8446 §4.1.2), as far as our choice of a certificate depends on them: the name it asks for and the
 * signatures it can verify.
 *
 * Read here because neither runtime tells enough: Node's SNI context changes neither versions nor cipher suites and takes one key only, and
 * Deno's never sees the signature algorithms. Nothing is promised about the rest of the hello; TLS itself judges that.
 */
export interface ClientHello {
  /** In lower case, as asked for; "" when no name was. */
  readonly servername: string;
  /** Cipher suites and signature schemes by their registered numbers. `signatures` is undefined when the client names none. */
  readonly suites: readonly number[];
  readonly signatures: readonly number[] | undefined;
  readonly tls13: boolean;
}

/** More than any client says; whoever goes on beyond it is left to TLS. */
const MOST = 16_384;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const SIGNATURE_ALGORITHMS = 13;
const SUPPORTED_VERSIONS = 43;

/**
 * The hello at the start of `octets`; while it is not whole, how many octets more it takes at least (to look again sooner is of no use); undefined when
 * this is no hello. Never throws.
 */
export function readClientHello(octets: Uint8Array): ClientHello | number | undefined {
  const message = handshakeMessage(octets);
  if (!(message instanceof Uint8Array)) return message;
  try {
    return parse(new Cursor(message));
  } catch {
    return undefined;
  }
}

/** The first handshake message without its record headers; it may be spread over several records. */
function handshakeMessage(octets: Uint8Array): Uint8Array | number | undefined {
  const message = new Uint8Array(Math.min(octets.length, MOST));
  let length = 0;
  let wanted = 4;
  for (let at = 0;;) {
    if (octets.length > at && octets[at] !== HANDSHAKE_RECORD) return undefined;
    if (octets.length < at + 5) return Math.max(at + 5 - octets.length, wanted - length);
    const end = at + 5 + (octets[at + 3]! << 8 | octets[at + 4]!);
    // RFC 8446 §5.1: no record of a handshake is empty.
    if (end > MOST || end === at + 5) return undefined;
    message.set(octets.subarray(at + 5, end), length);
    length += Math.min(octets.length, end) - at - 5;
    if (length > 0 && message[0] !== CLIENT_HELLO) return undefined;
    if (length >= 4) {
      wanted = 4 + (message[1]! << 16 | message[2]! << 8 | message[3]!);
      if (wanted > MOST) return undefined;
      if (length >= wanted) return message.subarray(4, wanted);
    }
    if (octets.length < end) return Math.max(end - octets.length, wanted - length);
    at = end;
  }
}

function parse(hello: Cursor): ClientHello {
  hello.take(2 + 32); // legacy_version, random
  hello.vector(1); // session id
  const suites = hello.vector(2).numbers();
  hello.vector(1); // compression
  let servername = "";
  let signatures: number[] | undefined;
  let tls13 = false;
  const extensions = hello.left > 0 ? hello.vector(2) : new Cursor(new Uint8Array());
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type === SERVER_NAME) servername = nameIn(body);
    else if (type === SIGNATURE_ALGORITHMS) signatures = body.vector(2).numbers();
    else if (type === SUPPORTED_VERSIONS) tls13 = body.vector(1).numbers().includes(0x0304);
  }
  return { servername, suites, signatures, tls13 };
}

/** RFC 6066 §3: a list of names by type, of which only host names (0) were ever defined. */
function nameIn(body: Cursor): string {
  const list = body.vector(2);
  while (list.left > 0) {
    const type = list.number(1);
    const name = list.vector(2);
    if (type === 0) return String.fromCharCode(...name.take(name.left)).toLowerCase();
  }
  return "";
}

/** Reads forward; throws RangeError at the end. */
class Cursor {
  readonly #octets: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }
  get left(): number {
    return this.#octets.length - this.#at;
  }
  take(count: number): Uint8Array {
    if (count > this.left) throw new RangeError("A ClientHello ends too early");
    return this.#octets.subarray(this.#at, this.#at += count);
  }
  number(octets: number): number {
    return this.take(octets).reduce((value, octet) => value * 256 + octet, 0);
  }
  /** A vector with `octets` octets of length in front (RFC 8446 §3.4). */
  vector(octets: number): Cursor {
    return new Cursor(this.take(this.number(octets)));
  }
  /** All that is left, as numbers of two octets. */
  numbers(): number[] {
    const found: number[] = [];
    while (this.left > 1) found.push(this.number(2));
    return found;
  }
}
