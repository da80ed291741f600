/** Ends connections. */
import type { Conn } from "./types.ts";

/** Closes a connection, open or closed already; never throws (on Deno closing twice does). */
export function closeConn(conn: Pick<Conn, "close">): void {
  try {
    conn.close();
  } catch {
    // Closed already: by us, by the peer, or with its stream.
  }
}
