/** XCLIENT: a server in front that we trust says who the client is, and the session begins anew with that client. */
import {
  answer,
  type ClientFacts,
  decodeXtext,
  deny,
  ipInList,
  isIpLiteral,
  normalizeIp,
  type Plugin,
  type Session,
} from "kasi";

/** This machine may always. */
const ALWAYS = ["127.0.0.1", "::1"];
const KNOWN = new Set(["addr", "destaddr", "proto", "name", "port", "helo", "login", "destport"]);
/** Neither of them says anything. */
const NOTHING = /^\[(?:unavailable|tempunavail)\]$/i;
/** What may stand in a name that goes into replies, the log and Received: no blank, no control character. */
const WORD = /^[!-~\xa1-\uffff]+$/;

export default {
  name: "xclient",
  about: "Lets trusted servers in front say who the client is (XCLIENT).",
  async setup({ config, log }) {
    const hosts = await config.list("xclient.hosts");
    const allowed = (session: Session) => ipInList([...ALWAYS, ...hosts.value], speakerOf(session));
    return {
      capabilities({ session, capabilities }) {
        if (allowed(session)) capabilities.lines.push("XCLIENT NAME ADDR PROTO HELO LOGIN");
      },

      unrecognized_command({ session, verb, rest }) {
        if (verb !== "XCLIENT") return;
        if (session.transaction !== undefined) {
          return deny("Mail transaction in progress", { code: 503, enhanced: "5.5.0" });
        }
        if (!allowed(session)) return deny("Not authorized", { code: 550, enhanced: "5.5.0" });
        const said = new Map<string, string>();
        for (const argument of rest.trim().split(/ +/)) {
          const [, key = "", text = ""] = /^([^=]+)=(.+)$/.exec(argument) ?? [];
          const name = key.toLowerCase();
          if (!KNOWN.has(name)) log.warn(`xclient: unknown argument ${JSON.stringify(argument)}`);
          else if (!NOTHING.test(text)) said.set(name, decodeXtext(text) ?? text);
        }
        const ip = addressOf(said.get("addr"));
        if (ip === undefined) {
          return deny("No valid IP address found in XCLIENT command", { code: 501, enhanced: "5.5.4" });
        }
        session.notes.set("xclient", { login: said.get("login") });
        const host = wordOf(said.get("name"));
        return answer({
          run: host === undefined ? "lookup_rdns" : "connect",
          client: clientOf(session, ip, host, said),
        });
      },
    };
  },
} satisfies Plugin;

/** Who speaks XCLIENT: behind a proxy the one that the proxy named, and after XCLIENT still the server in front. */
function speakerOf({ proxy, remote }: Session): string {
  return proxy?.type === "xclient" ? proxy.ip : remote.ip;
}

function clientOf(
  session: Session,
  ip: string,
  host: string | undefined,
  said: ReadonlyMap<string, string>,
): ClientFacts {
  const localIp = addressOf(said.get("destaddr"));
  const localPort = portOf(said.get("destport"));
  const hello = wordOf(said.get("helo"));
  return {
    remote: { ip, port: portOf(said.get("port")) ?? 0, ...(host === undefined ? {} : { host }) },
    local: localIp === undefined && localPort === undefined ? undefined : {
      ip: localIp ?? session.local.ip,
      port: localPort ?? session.local.port,
    },
    hello: hello === undefined ? undefined : {
      verb: said.get("proto")?.toLowerCase() === "smtp" ? "HELO" : "EHLO",
      host: hello,
    },
  };
}

function addressOf(text = ""): string | undefined {
  const bare = text.replace(/^ipv6:/i, "").toLowerCase();
  return isIpLiteral(bare) && !bare.startsWith("[") ? normalizeIp(bare) : undefined;
}

function portOf(text = ""): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined;
}

function wordOf(text = ""): string | undefined {
  return WORD.test(text) ? text.toLowerCase() : undefined;
}
