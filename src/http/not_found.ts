/** 404 in the form the client reads: the docroot's 404.html, JSON, or text (spec 01 §3.4). */
import type { Host } from "../host/types.ts";
import { preferred } from "./accept.ts";

const PLAIN_PAGE = "<!doctype html>\n<title>Not found</title>\n<h1>Not found</h1>\n";

export function notFound(host: Host, docroot: string, request: Request): Response {
  switch (preferred(request.headers.get("accept"), ["text/html", "application/json", "text/plain"])) {
    case "text/html":
      return reply(page(host, `${docroot}/404.html`), "text/html; charset=utf-8");
    case "application/json":
      return reply(JSON.stringify({ err: "Not found" }), "application/json");
    default:
      return reply("Not found!", "text/plain; charset=utf-8");
  }
}

const reply = (body: string, type: string) =>
  new Response(body, { status: 404, headers: { "content-type": type, vary: "accept" } });

function page(host: Host, file: string): string {
  try {
    return host.readTextFileSync(file);
  } catch {
    return PLAIN_PAGE;
  }
}
