/** Settings of tls.ini that the TLS of this runtime does not obey, each in a sentence for the log: nobody shall rely on them. */
import type { TlsOptions, TlsSettings } from "../config/core_types.ts";
import { tlsIsOpenSsl } from "../host/tls_limits.ts";

type Row = { readonly key: keyof TlsOptions; readonly isSet: (options: Partial<TlsOptions>) => boolean };

/** Deno's TLS is rustls: ECDHE with AES-GCM or ChaCha20 in an order of its own, and no stapling. Node's obeys all of these. */
const ON_DENO: readonly Row[] = [
  { key: "ciphers", isSet: ({ ciphers }) => ciphers !== undefined },
  { key: "ecdhCurve", isSet: ({ ecdhCurve }) => ecdhCurve !== undefined },
  { key: "dhparam", isSet: ({ dhparam }) => dhparam !== undefined },
  { key: "honorCipherOrder", isSet: ({ honorCipherOrder }) => honorCipherOrder === false },
  { key: "secureOptions", isSet: ({ secureOptions }) => secureOptions !== undefined },
  { key: "requestOCSP", isSet: ({ requestOCSP }) => requestOCSP === true },
];

export function unheededTls({ inbound, certificates }: TlsSettings, isOpenSsl = tlsIsOpenSsl): string[] {
  const all = [inbound, ...Object.values(certificates)];
  const unheeded = isOpenSsl ? [] : ON_DENO.filter(({ isSet }) => all.some(isSet)).map(({ key }) => key);
  const says = unheeded.map((key) => `tls.ini ${key}: Deno's TLS does not obey it; under Node it holds`);
  const old = all.some(({ minVersion }) => minVersion === "TLSv1" || minVersion === "TLSv1.1");
  if (old) says.push("tls.ini minVersion: TLS older than 1.2 is not spoken (RFC 8996)");
  return says;
}
