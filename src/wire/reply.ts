/** One SMTP reply (RFC 5321 §4.2), ready to be written. */
export interface Reply {
  /** Three digits. */
  readonly code: number;
  /** RFC 3463 status, e.g. "5.7.1"; written behind the code on every line when given. */
  readonly enhanced?: string;
  /** One line, or several. Never contains CR or LF once formatted. */
  readonly text: string | readonly string[];
}
