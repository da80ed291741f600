/** Users and their passwords from `auth_flat_file.ini`. */
import {
  type AuthAttempt,
  deny,
  fileShape,
  type Known,
  looksLikePasswordHash,
  looksLikeScramKeys,
  ok,
  parseScramKeys,
  passwordHashFault,
  type Plugin,
  verifyPassword,
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
          "Mechanisms on offer: PLAIN, LOGIN, SCRAM-SHA-256 (not for hashes), CRAM-MD5 (for passwords in clear text only). None: AUTH is not offered.",
      },
      constrain_sender: {
        type: "boolean",
        default: true,
        about: "The sender's domain must be that of the user's name, when that has one.",
      },
    },
    users: { open: true, about: "name = password, or what `kasi passwd name` prints: a hash, or SCRAM keys" },
  },
});

export default {
  name: "auth/flat_file",
  about: "Checks users against auth_flat_file.ini.",
  files: [AUTH_FLAT_FILE_INI],
  async setup({ config, log, name }) {
    const settings = await config.ini(AUTH_FLAT_FILE_INI);
    const warn = ({ users }: typeof settings.value) => {
      for (const [user, written] of Object.entries(users)) {
        const fault = written && faultOf(written);
        if (fault) log.warn(`auth_flat_file.ini: [users] ${user}: what stands there ${fault}; nobody gets in by it`);
      }
    };
    warn(settings.value);
    settings.onChange(warn);
    return {
      capabilities({ session, capabilities }) {
        if (!mayOfferAuth(session)) return;
        const { core, users } = settings.value;
        const written = Object.values(users).map(knownOf);
        for (const method of core.methods.map((each) => each.toUpperCase())) {
          // Nobody could pass it with what stands here.
          const passable = USABLE[method];
          if (passable !== undefined && !written.some((known) => known !== undefined && passable(known))) continue;
          capabilities.auth.add(method);
        }
      },

      async auth({ session, attempt, signal }) {
        const { users } = settings.value;
        const known = knownOf(Object.hasOwn(users, attempt.user) ? users[attempt.user] : undefined);
        // What a hash is kept of can't be proved but by showing it.
        if (known === undefined || ("hash" in known && attempt.password === undefined)) {
          const others = Object.values(users).map(knownOf).filter((each) => each !== undefined);
          attempt.decoy = decoyOf(others);
          // Unknown users take as long as known ones; another plugin may know them. SCRAM sees to it by itself.
          if (attempt.password !== undefined) await fits(attempt, others[0] ?? { password: "" }, signal);
          return undefined;
        }
        if (await fits(attempt, known, signal)) return ok();
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

type Written = Known | { readonly hash: string };

/** Mechanisms that not everything can be checked by. */
const USABLE: { readonly [method: string]: ((known: Written) => boolean) | undefined } = {
  "CRAM-MD5": (known) => "password" in known,
  "SCRAM-SHA-256": (known) => !("hash" in known),
};

/** What stands behind a name: keys or a hash where it means to be that, a password else. `undefined`: nothing that anybody could know. */
function knownOf(written: string | undefined): Written | undefined {
  if (!written || faultOf(written) !== undefined) return undefined;
  if (looksLikePasswordHash(written)) return { hash: written };
  const scram = parseScramKeys(written);
  return scram === undefined ? { password: written } : { scram };
}

function faultOf(written: string): string | undefined {
  if (looksLikePasswordHash(written)) return passwordHashFault(written);
  return looksLikeScramKeys(written) && parseScramKeys(written) === undefined
    ? "is not of the form of SCRAM keys"
    : undefined;
}

function fits(attempt: AuthAttempt, known: Written, signal: AbortSignal): boolean | Promise<boolean> {
  return "hash" in known ? verifyPassword(attempt.password ?? "", known.hash, signal) : attempt.verify(known);
}

/** How the first keys of the file look; passwords are given the engine's own. */
function decoyOf(others: readonly Written[]): AuthAttempt["decoy"] {
  const first = others.find((known) => !("hash" in known));
  if (first === undefined || !("scram" in first)) return undefined;
  return { iterations: first.scram.iterations, saltOctets: first.scram.salt.length };
}
