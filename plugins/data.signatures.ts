/** Refuses messages whose text holds a line of `data.signatures`. */
import { deny, type Plugin, textParts } from "kasi";

export default {
  name: "data.signatures",
  about: "Refuses messages that hold a known text.",
  async setup({ name, config }) {
    const signatures = await config.list("data.signatures");
    return {
      async data_post({ transaction, message }) {
        if (signatures.value.length === 0) return;
        for await (const { text } of textParts(message)) {
          const known = signatures.value.find((signature) => text.includes(signature));
          if (known === undefined) continue;
          transaction.results.add(name, { fail: known });
          return deny("The message holds a known spam signature", { enhanced: "5.7.1" });
        }
      },
    };
  },
} satisfies Plugin;
