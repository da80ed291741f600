/**
 * Endpoints as `listen` lists them: an address with a port, or the path of a Unix socket (spec 01 §5).
 *
 * A text that is none of the accepted forms gives the reason instead, so that the caller can name file and line and go on with the rest.
 */

export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** `mode`: permission bits to set on the socket once it is bound. */
  | { readonly kind: "unix"; readonly path: string; readonly mode?: number };

export type EndpointResult = Endpoint | { readonly kind: "bad"; readonly wanted: string };

const WANTED = "a port, host:port, 1.2.3.4:25, [v6]:25, or the path of a socket with an optional :mode";
const BAD: EndpointResult = { kind: "bad", wanted: WANTED };

const HOST_NAME = /^(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?$/;
const V4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** `defaultPort` holds where the text names a host only. */
export function parseEndpoint(text: string, defaultPort: number): EndpointResult {
  const trimmed = text.trim();
  if (trimmed.includes("/")) return unixEndpoint(trimmed);
  if (/^\d+$/.test(trimmed)) return tcp("::", trimmed);
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(trimmed);
  if (bracketed) return isIpv6(bracketed[1]!) ? tcp(bracketed[1]!, bracketed[2] ?? `${defaultPort}`) : BAD;
  const colons = trimmed.split(":").length - 1;
  if (colons > 1) return bareIpv6(trimmed, defaultPort);
  const [host = "", port] = trimmed.split(":");
  if (port !== undefined && !/^\d+$/.test(port)) return BAD;
  const isHost = V4.test(host) || (HOST_NAME.test(host) && !/^[\d.]+$/.test(host));
  return isHost ? tcp(host, port ?? `${defaultPort}`) : BAD;
}

/** The inverse: `::` is shown as `[::0]`, as Haraka's logs have it. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") {
    return endpoint.mode === undefined
      ? endpoint.path
      : `${endpoint.path}:${endpoint.mode.toString(8).padStart(3, "0")}`;
  }
  if (!endpoint.host.includes(":")) return `${endpoint.host}:${endpoint.port}`;
  return `[${endpoint.host === "::" ? "::0" : endpoint.host}]:${endpoint.port}`;
}

function unixEndpoint(text: string): EndpointResult {
  const withMode = /^(.*):([0-7]{3})$/.exec(text);
  const path = withMode ? withMode[1]! : text;
  if (path.includes("\0") || path.endsWith("/")) return BAD;
  return withMode ? { kind: "unix", path, mode: parseInt(withMode[2]!, 8) } : { kind: "unix", path };
}

/** `fe80::1` is an address, `fe80::1:25` too: a port only counts where what stands before it is whole by itself and the rest is not. */
function bareIpv6(text: string, defaultPort: number): EndpointResult {
  if (isIpv6(text)) return tcp(text, `${defaultPort}`);
  const at = text.lastIndexOf(":");
  const host = text.slice(0, at);
  const port = text.slice(at + 1);
  return isIpv6(host) && /^\d+$/.test(port) ? tcp(host, port) : BAD;
}

function tcp(host: string, portText: string): EndpointResult {
  const port = Number(portText);
  if (port > 65_535) return { kind: "bad", wanted: "a port from 0 to 65535" };
  return { kind: "tcp", host: host === "::0" ? "::" : host, port };
}

function isIpv6(text: string): boolean {
  const [address = "", zone] = text.split("%");
  if (zone !== undefined && !/^[\w.-]+$/.test(zone)) return false;
  if (!/^[\dA-Fa-f:.]+$/.test(address)) return false;
  try {
    // The URL parser knows every legal way of writing one.
    return new URL(`http://[${address}]/`).hostname.length > 2;
  } catch {
    return false;
  }
}
