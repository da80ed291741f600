/**
 * Static files of one directory: GET and HEAD, ETag and Last-Modified with 304, a directory's index.html.
 *
 * Nothing outside the directory is served, whatever the path or a link says, and nothing hidden. What cannot be read is not there.
 */
import type { FsFile, Host } from "../host/types.ts";

const TYPES: { readonly [ending: string]: string } = {
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  gif: "image/gif",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  map: "application/json",
  mjs: "text/javascript; charset=utf-8",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webp: "image/webp",
  woff2: "font/woff2",
  xml: "application/xml",
};
const CHUNK = 64 * 1024;

/** `path`: decoded; "" or beginning with "/". undefined: there is no such file. */
export function fileResponse(host: Host, dir: string, path: string, request: Request): Response | undefined {
  const found = locate(host, dir, path);
  if (found === undefined) return undefined;
  if (found === "directory") {
    const url = new URL(request.url);
    return new Response(null, {
      status: 301,
      headers: { location: `${url.pathname.replace(/^\/+/, "/")}/${url.search}` },
    });
  }
  let file: FsFile;
  try {
    file = host.openSync(found, { read: true });
  } catch {
    return undefined;
  }
  const { size, mtime, isFile } = file.statSync();
  if (!isFile) {
    file.close();
    return undefined;
  }
  const etag = `W/"${size.toString(16)}-${(mtime?.getTime() ?? 0).toString(16)}"`;
  const headers = new Headers({ etag, "x-content-type-options": "nosniff" });
  if (mtime !== null) headers.set("last-modified", mtime.toUTCString());
  if (isFresh(request, etag, mtime)) {
    file.close();
    return new Response(null, { status: 304, headers });
  }
  headers.set("content-type", TYPES[/\.([^./]+)$/.exec(found)?.[1]?.toLowerCase() ?? ""] ?? "application/octet-stream");
  headers.set("content-length", String(size));
  if (request.method === "HEAD") {
    file.close();
    return new Response(null, { headers });
  }
  return new Response(contents(file, size), { headers });
}

/** The real path of the file; "directory" for one asked for without the closing slash. */
function locate(host: Host, dir: string, path: string): string | undefined {
  const parts = path.split("/").slice(1);
  // A last part of "" asks for the directory itself.
  if (parts.slice(0, -1).includes("") || parts.some((part) => hidden(part) || /[\\\0]/.test(part))) {
    return undefined;
  }
  try {
    const root = host.realPathSync(dir);
    const real = host.realPathSync(`${root}${path}${path.endsWith("/") ? "index.html" : ""}`);
    if (real !== root && !real.startsWith(root === "/" ? "/" : `${root}/`)) return undefined;
    const { isFile, isDirectory } = host.statSync(real);
    return isFile ? real : isDirectory ? "directory" : undefined;
  } catch {
    return undefined; // not there, or not for us to read
  }
}

/** RFC 8615: certificates are fetched through `.well-known`. */
const hidden = (part: string) => part.startsWith(".") && part !== ".well-known";

/** RFC 9110 §13.2.2: If-None-Match speaks first; weak comparison, whole seconds. */
function isFresh(request: Request, etag: string, mtime: Date | null): boolean {
  const tags = request.headers.get("if-none-match");
  if (tags !== null) return tags.split(",").some((tag) => ["*", etag, etag.slice(2)].includes(tag.trim()));
  const since = Date.parse(request.headers.get("if-modified-since") ?? "");
  return mtime !== null && Math.floor(mtime.getTime() / 1000) * 1000 <= since;
}

/** As many octets as were promised, read as they are wanted. */
function contents(file: FsFile, size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = size;
  return new ReadableStream({
    async pull(controller) {
      try {
        const buffer = new Uint8Array(Math.min(CHUNK, left));
        const length = left === 0 ? 0 : await file.read(buffer);
        if (length) controller.enqueue(buffer.subarray(0, length));
        left -= length ?? 0;
        if (length === null) throw new Error("The file became shorter while it was read");
        if (left > 0) return;
        file.close();
        controller.close();
      } catch (reason) {
        file.close();
        controller.error(reason);
      }
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}
