/** Whether the runtime's TLS obeys all that OpenSSL's does (Node). Deno's is rustls: suites, curves and their order are its own, and it staples nothing. */
export const tlsIsOpenSsl = !("Deno" in globalThis);
