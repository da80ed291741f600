/** Names on disk for what came over the network: no path is left, nothing is hidden, no two addresses share a folder. */

const encoder = new TextEncoder();

/** A domain or a local part as the name of one folder: everything but letters, digits and `._+=@-` as %XX, a leading dot too. */
export function folderName(text: string): string {
  let name = "";
  for (const byte of encoder.encode(text)) {
    const char = String.fromCharCode(byte);
    const plain = /[A-Za-z0-9_+=@-]/.test(char) || (char === "." && name !== "");
    name += plain ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return name === "" ? "%" : name;
}

/** `pattern` with %d and %u replaced by the domain and the local part. */
export function mailboxPath(pattern: string, domain: string, user: string): string {
  return pattern.replace(/%[du]/g, (which) => folderName(which === "%d" ? domain : user));
}

/** A file's name that no other delivery has: the time, the transaction, the server (its slashes and colons made harmless). */
export function deliveryName(seconds: number, id: string, server: string): string {
  return `${seconds}.K${id}.${server.replaceAll("/", "\\057").replaceAll(":", "\\072")}`;
}
