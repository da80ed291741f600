/**
 * The plugin to copy: refuses recipients whose local part is on a list, and counts what it does.
 *
 * It shows a settings file, a hook that answers at once, results for other plugins, and nothing else. `docs/writing-plugins.md` builds it up
 * from nothing; `tests/plugins/example_test.ts` is its test.
 */
import { deny, fileShape, type Plugin } from "kasi";

const EXAMPLE_INI = fileShape({
  file: "example.ini",
  about: "Recipients that are never taken.",
  shape: {
    main: {
      local_parts: { type: "words", default: ["nobody"], about: "Local parts that are refused, whatever the domain." },
      text: { type: "text", default: "Nobody reads mail here", about: "What the client is told." },
    },
  },
});

export default {
  name: "example",
  about: "Refuses recipients by their local part; the plugin to copy.",
  files: [EXAMPLE_INI],
  async setup({ name, config }) {
    // `settings.value` is always the last good state of the file, so reload needs no code here.
    const settings = await config.ini(EXAMPLE_INI);
    return {
      rcpt({ transaction, recipient }) {
        const { local_parts, text } = settings.value.main;
        if (!local_parts.includes(recipient.address.user.toLowerCase())) return; // saying nothing: carry on
        transaction.results.add(name, { fail: recipient.address.user });
        return deny(text, { enhanced: "5.1.1" });
      },
    };
  },
} satisfies Plugin;
