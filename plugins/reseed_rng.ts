/** A name that old lists of plugins may hold: random numbers here come from the system's generator, which needs no seed. */
import type { Plugin } from "kasi";

export default {
  name: "reseed_rng",
  about: "Accepted and without function: random numbers come from the system.",
  setup({ log }) {
    log.notice("reseed_rng does nothing: random numbers come from the system's generator");
    return {};
  },
} satisfies Plugin;
