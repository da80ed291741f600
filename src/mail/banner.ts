/**
 * A banner (a disclaimer) in a text: behind a plain text, before the end of an HTML body.
 *
 * Pure text to text; which parts of a message get one is decided in `body_edits.ts`.
 */

export interface Banner {
  readonly text: string;
  readonly html: string;
}

/** The HTML form is the text with its line breaks shown, when there is no other. */
export function makeBanner(text: string, html?: string): Banner {
  return { text, html: html ?? escapeHtml(text).replace(/\r?\n/g, "<br/>\n") };
}

/** `text` goes in front of the character at `at`. */
export interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** Where the banner goes. Undefined where it would break something: in a text that PGP has signed or sealed (RFC 9580 §6, §7). */
export function placeBanner(text: string, type: "text/plain" | "text/html", banner: Banner): Insertion | undefined {
  if (/^-----BEGIN PGP (?:SIGNED )?MESSAGE-----/m.test(text)) return undefined;
  if (type === "text/html") return { at: endOfBody(text), text: `<P>${crlf(banner.html)}</P>\r\n` };
  const glue = text === "" || text.endsWith("\n") ? "" : "\r\n";
  return { at: text.length, text: `${glue}\r\n${crlf(banner.text)}\r\n` };
}

/** What opens a stretch that shows nothing → what ends it. */
const HIDDEN: { readonly [opens: string]: string } = { "<!--": "-->", "<script": "</script", "<style": "</style" };

/** The last `</body>` that is no comment's and no script's, else the last `</html>`, else the end. One pass, whatever the text. */
function endOfBody(html: string): number {
  let until: string | undefined;
  const last: { [end: string]: number } = {};
  for (const { 0: found, index } of html.matchAll(/<!--|-->|<\/?(?:script|style)\b|<\/(?:body|html)\b/gi)) {
    const mark = found.toLowerCase();
    if (until !== undefined) {
      if (mark === until) until = undefined;
    } else if (Object.hasOwn(HIDDEN, mark)) until = HIDDEN[mark];
    else if (mark === "</body" || mark === "</html") last[mark] = index;
  }
  return last["</body"] ?? last["</html"] ?? html.length;
}

function crlf(text: string): string {
  return text.replace(/\r?\n/g, "\r\n");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, (char) => ENTITIES[char]!);
}

const ENTITIES: { readonly [char: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
