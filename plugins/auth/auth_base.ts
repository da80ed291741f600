/** What plugins that check passwords have in common. */
import { type Address, deny, organizationalDomain, type Session } from "kasi";

/** AUTH is offered where the password cannot be overheard: over TLS, or to clients of a private network. */
export function mayOfferAuth(session: Session): boolean {
  return session.tls !== undefined || session.remote.isPrivate;
}

/**
 * An authenticated client sends as its own domain only: the organizational domains of the user and of the sender must be the same. A user
 * without a domain, and the null sender, may pass.
 */
export function constrainSender(user: string, sender: Address): ReturnType<typeof deny> | undefined {
  const domain = user.slice(user.lastIndexOf("@") + 1).toLowerCase();
  if (!user.includes("@") || sender.isNull() || sender.host === "") return undefined;
  if (organizationalDomain(domain) === organizationalDomain(sender.host)) return undefined;
  return deny(`Authenticated as ${user}, you may not send as ${sender.address}`, { enhanced: "5.7.1" });
}
