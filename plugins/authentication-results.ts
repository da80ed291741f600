/**
 * Puts the Authentication-Results field in order (RFC 8601) before the server writes it.
 *
 * The server writes the field from what plugins noted. This plugin drops what was noted twice, says `none` when nobody had anything
 * to say, and takes away fields that came from outside under our own name, even where `clean_auth_results` lets others stay.
 */
import type { Plugin } from "kasi";
import { notedResults } from "./mailauth_notes.ts";

export default {
  name: "authentication-results",
  about: "Completes Authentication-Results, and removes forged ones.",
  async setup({ name, server }) {
    return {
      data_post: {
        priority: 100,
        async run({ session, transaction, message }) {
          const { header } = message;
          const kept = header.fields.filter((field) => field.name.toLowerCase() === "authentication-results");
          const others = kept.filter(({ value }) => authority(value) !== server.name.toLowerCase());
          if (others.length < kept.length) {
            header.remove("Authentication-Results");
            for (const { value } of others) header.add("Authentication-Results", value.trim());
            transaction.results.add(name, { msg: `removed ${kept.length - others.length} forged` });
          }
          const ofSession = new Set(notedResults(session.notes));
          const own = new Set(notedResults(transaction.notes).filter((result) => !ofSession.has(result)));
          if (own.size === 0 && ofSession.size === 0) own.add("none");
          transaction.notes.set("authentication_results", [...own]);
        },
      },
    };
  },
} satisfies Plugin;

/** The authserv-id, lower-case: the first word, comments and quotes passed over (RFC 8601 §2.2). */
function authority(value: string): string {
  const [, quoted, word] = /^(?:\s|\([^()]*\))*(?:"([^"]*)"|([^\s;()]+))/.exec(value) ?? [];
  return (quoted ?? word ?? "").toLowerCase();
}
