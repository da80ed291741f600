/** `transaction.body`: a message's tree as Haraka's plugins walk it (spec 01 §9.3), `bodytext` and `children` there at once. */
import type { Part } from "../../mail/parts.ts";
import { HeaderFace } from "./header.ts";

export interface BodyFace {
  readonly header: HeaderFace;
  /** As stated, with its parameters; `text/plain` where nothing is. */
  readonly ct: string;
  /** Decoded; "" for what is no text. */
  readonly bodytext: string;
  /** The charset; `broken//X` when it could not be read. */
  readonly body_encoding: string;
  readonly is_html: boolean;
  readonly filename: string | undefined;
  readonly children: readonly BodyFace[];
  readonly state: "end";
}

export function bodyFace(part: Part): BodyFace {
  const { header, media, charset, charsetKnown } = part;
  const isText = !part.isAttachment && !media.type.startsWith("multipart/");
  return {
    header: new HeaderFace(() => header),
    ct: header.get("Content-Type") ?? "text/plain",
    bodytext: isText ? part.text() : "",
    body_encoding: charsetKnown || charset === "" ? charset || "utf8" : `broken//${charset}`,
    is_html: media.type === "text/html",
    filename: part.filename,
    children: part.children.map(bodyFace),
    state: "end",
  };
}
