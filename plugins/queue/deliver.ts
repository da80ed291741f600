/** A name that old lists of plugins may hold: mail of relaying clients goes to the outbound queue by itself. */
import type { Plugin } from "kasi";

export default {
  name: "queue/deliver",
  about: "Accepted and without function: relayed mail is queued by the server itself.",
  setup({ log }) {
    log.notice("queue/deliver does nothing: the server queues relayed mail by itself");
    return {};
  },
} satisfies Plugin;
