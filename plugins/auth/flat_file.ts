/** Users and their passwords from `auth_flat_file.ini`. */
import {
  type AuthAttempt,
  deny,
  fileShape,
  type Known,
  looksLikeScramKeys,
  ok,
  parseScramKeys,
  type Plugin,
} from "kasi";
import { constrainSender, mayOfferAuth } from "./auth_base.ts";

const AUTH_FLAT_FILE_INI = fileShape({
  file: "auth_flat_file.ini",
  about: "Users who may authenticate, and how.",
  shape: {
    core: {
      methods: {
        type: "words",
        default: [],
        about:
          "Mechanisms on offer: SCRAM-SHA-256, PLAIN, LOGIN, CRAM-MD5 (for passwords in clear text only). None: AUTH is not offered.",
      },
      constrain_sender: {
        type: "boolean",
        default: true,
        about: "The sender's domain must be that of the user's name, when that has one.",
      },
    },
    users: { open: true, about: "name = password, or name = SCRAM-SHA-256$iterations:salt$stored:server" },
  },
});

export default {
  name: "auth/flat_file",
  about: "Checks users against auth_flat_file.ini.",
  files: [AUTH_FLAT_FILE_INI],
  async setup({ config, log, name }) {
    const settings = await config.ini(AUTH_FLAT_FILE_INI);
    return {
      capabilities({ session, capabilities }) {
        if (!mayOfferAuth(session)) return;
        const { core, users } = settings.value;
        const ofClearText = Object.values(users).some((password) => password && !looksLikeScramKeys(password));
        for (const method of core.methods.map((each) => each.toUpperCase())) {
          // Nobody could pass it with what stands here.
          if (method === "CRAM-MD5" && !ofClearText) continue;
          capabilities.auth.add(method);
        }
      },

      async auth({ session, attempt }) {
        const { users } = settings.value;
        const written = Object.hasOwn(users, attempt.user) ? users[attempt.user] : undefined;
        const known = knownOf(written);
        if (known === undefined) {
          attempt.decoy = decoyOf(Object.values(users));
          // Unknown users take as long as known ones; another plugin may know them. SCRAM sees to it by itself.
          if (attempt.password !== undefined) await attempt.matches("");
          if (written) log.error(`auth_flat_file.ini: the keys of ${attempt.user} are not of the form`);
          return undefined;
        }
        if (await attempt.verify(known)) return ok();
        session.results.add(name, { fail: attempt.user });
        return deny();
      },

      mail({ session, transaction, sender }) {
        if (session.auth === undefined || !settings.value.core.constrain_sender) return;
        const refusal = constrainSender(session.auth.user, sender);
        transaction.results.add(name, refusal ? { fail: "constrain_sender" } : { pass: "constrain_sender" });
        return refusal;
      },
    };
  },
} satisfies Plugin;

/** What stands behind a name: keys where it means to be keys, a password else. `undefined`: nothing that anybody could know. */
function knownOf(written: string | undefined): Known | undefined {
  if (!written) return undefined;
  if (!looksLikeScramKeys(written)) return { password: written };
  const scram = parseScramKeys(written);
  return scram && { scram };
}

/** How the first keys of the file look; passwords are given the engine's own. */
function decoyOf(written: readonly (string | undefined)[]): AuthAttempt["decoy"] {
  for (const each of written) {
    const known = knownOf(each);
    if (known !== undefined) {
      return "scram" in known ? { iterations: known.scram.iterations, saltOctets: known.scram.salt.length } : undefined;
    }
  }
  return undefined;
}
