import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { latin1Encode } from "../../src/base/bytes.ts";
import { serverEndPoint } from "../../src/host/end_point.ts";
import { test } from "../kit/test.ts";

/** Made by OpenSSL; what matters is how they were signed. */
const CERTIFICATES = {
  sha1WithRsa:
    "MIIC+TCCAeGgAwIBAgIUZB4rev64o+tTKO2j2UuUR1o73GMwDQYJKoZIhvcNAQEFBQAwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjQxMzE0MTlaFw0zNjExMjExMzE0MTlaMAwxCjAIBgNVBAMMAXgwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQC331TKzieCYzTzDdxoYD27siO+yQFWK4quAm9eVQ8Q+eHArC9E0kQWUDsKJ7FkQFFxzzjcz2Dc3w3hA026kyL2dhGcGskuEPXlj6/9ehc+ZBg6eAs7HPWue/UTI+c47qsJP/BKx4YFVpXs9pmRwCmFWy36ezFtDvhzvObBDJu4NXhpTd5xZwLeWJfLeLObOFVOJGY307f/J2MqEDzhdnjw1csMR8jhkrtmVQsRJnzJnPYCq0M3TivEx+FtZOAG+0Lq4aa57yTPjBxLDpskljKcGVnV4/896YVAnYIMSZWneE0JHR1TuzCMDktg46fRzE9YV9+AA61WQ243hF3rTHIZAgMBAAGjUzBRMB0GA1UdDgQWBBSBo/4rrFoqUeJJoFwgYoFr9AKsdzAfBgNVHSMEGDAWgBSBo/4rrFoqUeJJoFwgYoFr9AKsdzAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBBQUAA4IBAQCTD5wMajPi3SyxnCdkGeHxjunPUS+u0lg4O31hNrp/jMAOGXi6amAbuNd6VbpngXexi4JY7BPd6UzASnwNZ6hZ9U4Zvxholr51ZKa4C1DB5wsNU+Z5T9YMBHw5DfRPebazR90vBNOJWVJOACduStsQ/PoQhGTcOpn1GJUuz2A3do5g+QH94bVJRtAckHoPidp22Ullz4u3xcPvg6CiEKkGso6Xy1rsHiBKm1f3lOIyTKNhLdE8XKYGYcONryrvfbiaz4XP1/AHZpt6mPckAoEFvKXowWsiN2W+V7TVzeeETsKXRpH0Rrxk8RCvqo9I4eIkm7z6C1PeqD2uK/V78MgS",
  ecdsaWithSha256:
    "MIIBbDCCAROgAwIBAgIUCFK0BrsKOscWP1tiMsGyuxUfbxswCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjQxMzE0MTlaFw0zNjExMjExMzE0MTlaMAwxCjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASgrGt5s+ihM9+2/WUs+smhimugOaKjt9AGBNcXBmDhSvm+arOkw5dWXnMjHsjTXrTXhT3npJKkKr6JKcnhp+W9o1MwUTAdBgNVHQ4EFgQU+vU5wUQbB4y4CyvzvsZ03TFbNZ4wHwYDVR0jBBgwFoAU+vU5wUQbB4y4CyvzvsZ03TFbNZ4wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAoQ6Xai6ypuY5XVYLiCcvkEdLBjOjhRy5fPSJMoQ7+7AIgLH2aiM7QjKtkAFrIAlwDtM8c+WqRXimK4v6fpC6GdPE=",
  ecdsaWithSha384:
    "MIIBbTCCAROgAwIBAgIUEHEuGQtfFrFcRtRl4kwzVFEzq/wwCgYIKoZIzj0EAwMwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjQxMzE0MTlaFw0zNjExMjExMzE0MTlaMAwxCjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATA7g7qLT868bRuvvaVeSz9VijaMIRxci8PRzxiHEqomB1I94GzXCAc1ngu62iG8W13e52PfAZdMzwxRSeSAFnio1MwUTAdBgNVHQ4EFgQU3ZzMcLkZamNhvxuAfm1d62/gRz8wHwYDVR0jBBgwFoAU3ZzMcLkZamNhvxuAfm1d62/gRz8wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAwNIADBFAiEA0zaHdgX3cqdOGTQvgaI97p1RAHIb8ohTjFKuLELLJaQCICPG2haa1ApjrTiV2tOEjcN/6TnOB9DlPuokPiZoXgK2",
  rsaPssWithSha384:
    "MIIDYTCCAhWgAwIBAgIUEhkjxR6I0lKu08Nq4uC+KdguzUkwQQYJKoZIhvcNAQEKMDSgDzANBglghkgBZQMEAgIFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgIFAKIDAgEwMAwxCjAIBgNVBAMMAXgwHhcNMjYxMTI0MTMxNDE5WhcNMzYxMTIxMTMxNDE5WjAMMQowCAYDVQQDDAF4MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu8h5bqcjYiFJiwgh62vfJROuUyzyVIZLww4SgmnFxgaIEMNj2m99A9JNy8baT4zDd00+Eqi1wKoPKcn17e38ckQmkmNvaJLafUamZ6ayoTqOBW3JLvKrWUzDrDwretOvhLMfTuwpLj+Iq3ShjimEiNV4RieW7fwhlvGbvqoNhvXXskkxVqQMVq6e+eEDwRYinoipaIuV4ThbGnneDKUBY+GYDRUT4JxsZESV27g3CQEuj3CpkP7MTXvnjQ3b5S+G0q/RUbW16nk3qvF5kAifShCNPtPWaI/sE8WXY5bm09owIRvy5QLJNz7Fy7IluOz/+Q1hQAue42R1/SzW8Bm3GQIDAQABo1MwUTAdBgNVHQ4EFgQUFH7azAle3C4p+qXw+tRFkQWSr1MwHwYDVR0jBBgwFoAUFH7azAle3C4p+qXw+tRFkQWSr1MwDwYDVR0TAQH/BAUwAwEB/zBBBgkqhkiG9w0BAQowNKAPMA0GCWCGSAFlAwQCAgUAoRwwGgYJKoZIhvcNAQEIMA0GCWCGSAFlAwQCAgUAogMCATADggEBAKdGuCzMxgdwfHdShY2V81saBYwTSemK2GN3qGFab0Im1kpR+Q0JIX5Dr9FOwCkVHZvojE5/TtIzCK1A4I9HxteDinerEuKJ12fotq+ULH4aXtCAqx+rE0DIFDPZp+QzA24JjGeCQXR3PnYCbjH54G3j1786819aWfZnT45dn0sCgdTSAyHf9EJl6XS5+yqu7pOgOPyD0JmqMac9DzFXj2dbx2YURMTwwazbUFnazAxxu4zHKBkhsh+NrrhLZ2SK+nbx/9L9toTUx37US8Jbl5+i+x+0Cdq8NlZEhfgxKiP501w7KEKCvhDBHhSC9fdf6Slr+SGL1m8gIJ6mF5koBqg=",
  ed25519:
    "MIIBLDCB36ADAgECAhQeVjMD+L44heOVNMMkxZGW97mdijAFBgMrZXAwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjQxMzE0MTlaFw0zNjExMjExMzE0MTlaMAwxCjAIBgNVBAMMAXgwKjAFBgMrZXADIQApkx7835kNNKAu2HCRdpZdFDdSdxRrbJK+uu3BlHoSs6NTMFEwHQYDVR0OBBYEFD6hd1GJDdrLq3GdxKOIC/VCy8zzMB8GA1UdIwQYMBaAFD6hd1GJDdrLq3GdxKOIC/VCy8zzMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAjtxeGswP+TfsuCoKv5zcDaGs8J+Pg9AZzKMcbeijQmzNkrMMDMquxU6rl0O3q/l8wuzbEU9ydPnk1X14Mt/FDg==",
} as const;
const der = (name: keyof typeof CERTIFICATES) => latin1Encode(atob(CERTIFICATES[name]));

test("the hash is that of the certificate's signature, SHA-256 in the place of SHA-1 (RFC 5929 §4.1)", () => {
  for (
    const [name, hash] of [
      ["sha1WithRsa", "sha256"],
      ["ecdsaWithSha256", "sha256"],
      ["ecdsaWithSha384", "sha384"],
      ["rsaPssWithSha384", "sha384"],
    ] as const
  ) {
    const wanted = new Uint8Array(createHash(hash).update(der(name)).digest());
    assert.deepEqual(serverEndPoint(der(name)), wanted, name);
  }
});

test("where no hash is defined, or the octets are no certificate, there is nothing to be bound to", () => {
  assert.equal(serverEndPoint(der("ed25519")), undefined);
  const whole = der("rsaPssWithSha384");
  for (let length = 0; length < whole.length; length += 7) {
    assert.equal(serverEndPoint(whole.subarray(0, length)), undefined, String(length));
  }
});
