/** A name that old lists of plugins may hold: Haraka's wrote a CPU profile of each connection, which the runtimes do better themselves. */
import type { Plugin } from "kasi";

export default {
  name: "profile",
  about: "Accepted and without function: the runtime's own profiler does this.",
  setup({ log }) {
    log.notice("profile does nothing: use the runtime's profiler (deno run --cpu-prof, node --cpu-prof)");
    return {};
  },
} satisfies Plugin;
