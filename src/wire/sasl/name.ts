/** Names within SASL messages (RFC 5801 §4, RFC 5802 §5.1): a comma is `=2C`, an equals sign `=3D`. */

/** `undefined`: an equals sign that stands for nothing. */
export function decodeName(text: string): string | undefined {
  return /=(?!2C|3D)/.test(text) ? undefined : text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

export function encodeName(text: string): string {
  return text.replaceAll("=", "=3D").replaceAll(",", "=2C");
}
