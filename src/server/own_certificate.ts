/**
 * The certificate of our own making, where the operator has given none. It is kept in `tls/` below the data directory, so that clients see the
 * same one after a restart, and made anew a month before it ends.
 */
import { utf8Encode } from "../base/bytes.ts";
import { writeAtomically } from "../host/atomic_file.ts";
import { certificateIn, type IdentityFiles } from "../host/certificates.ts";
import { exists } from "../host/exists.ts";
import type { Machine } from "../host/types.ts";
import { readNamed } from "./tls_files.ts";

const BEFORE_ITS_END_MS = 30 * 86_400_000;

/** Makes it when it is missing, unreadable or near its end. Rejects when it cannot be kept. */
export async function ownCertificate(machine: Machine, dataDir: string, me: string): Promise<IdentityFiles> {
  const { host, clock } = machine;
  const dir = `${dataDir}/tls`;
  const [keyFile, certFile] = [`${dir}/key.pem`, `${dir}/cert.pem`];
  const kept = () => ({ key: readNamed(host, keyFile), cert: readNamed(host, certFile) });
  if (exists(host, keyFile) && exists(host, certFile) && !isDue(kept(), clock.now())) return kept();
  // Only now: the library behind it costs every other start its time.
  const { selfSigned } = await import("../host/self_signed.ts");
  const made = await selfSigned([...new Set([me, host.hostname(), "localhost"])], clock.now());
  host.mkdirSync(dir, { recursive: true });
  await writeAtomically(host, keyFile, utf8Encode(made.key), 0o600);
  await writeAtomically(host, certFile, utf8Encode(made.cert));
  return kept();
}

/** Whether it has to be made anew. */
export function isDue({ cert }: IdentityFiles, now: number): boolean {
  const end = certificateIn(cert.text)?.endsAt;
  return end === undefined || end - BEFORE_ITS_END_MS < now;
}
