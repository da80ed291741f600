/**
 * Writes the envelope into the header: `X-Envelope-From`, and one `X-Envelope-To` for each accepted recipient.
 *
 * Blind copies are blind no longer for whoever reads the header; the manual says so.
 */
import type { Plugin } from "kasi";

export default {
  name: "record_envelope_addresses",
  about: "Writes the envelope's addresses into the header.",
  hooks: {
    data_post({ transaction, message: { header } }) {
      // What a sender wrote there itself is no envelope.
      header.remove("X-Envelope-From");
      header.remove("X-Envelope-To");
      header.add("X-Envelope-From", transaction.sender.address);
      // One address may have become several (aliases).
      const to = new Set(transaction.recipients.map(({ address, given }) => (given ?? address).address));
      for (const address of to) header.add("X-Envelope-To", address);
      return undefined;
    },
  },
} satisfies Plugin;
