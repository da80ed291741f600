/** `--dump-mime`: type and decoded text of each part of a message, deeper ones further in. */
import type { Message } from "../mail/message.ts";
import { type Part, partsOf } from "../mail/parts.ts";

export async function dumpParts(message: Message): Promise<string> {
  return linesOf(await partsOf(message), 0).join("\n");
}

function linesOf(part: Part, depth: number): string[] {
  const indent = "  ".repeat(depth);
  const name = part.filename === undefined ? "" : ` ${JSON.stringify(part.filename)}`;
  const charset = part.charset === "" ? "" : `; charset=${part.charset}${part.charsetKnown ? "" : " (unknown)"}`;
  const head = `${indent}${part.media.type}${charset}${name}${part.isAttachment ? ", an attachment" : ""}`;
  const text = part.children.length > 0 ? "" : part.text().trimEnd();
  const body = text === "" ? [] : text.split(/\r?\n/).map((line) => `${indent}  | ${line}`);
  return [head, ...body, ...part.children.flatMap((child) => linesOf(child, depth + 1))];
}
