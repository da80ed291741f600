import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { check } from "../../src/cli/check.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir, writeSite } from "../kit/site.ts";
import { test } from "../kit/test.ts";

async function complaintsAbout(files: Record<string, string>): Promise<readonly string[]> {
  const dir = temporaryDir();
  writeSite(dir, { files: { "config/plugins": "rcpt_to.in_host_list\n", ...files } });
  const at = await captured();
  const code = await check({ site: dir }, at);
  rmSync(dir, { recursive: true });
  assert.equal(code, at.complaints.length === 0 ? 0 : 1);
  return at.complaints.map((line) => line.replaceAll(dir, ""));
}

test("check() finds nothing wrong with a site that is in order", async () => {
  assert.deepEqual(await complaintsAbout({}), []);
});

test("check() gives file, line, current and wanted value of each fault", async () => {
  const complaints = await complaintsAbout({
    "config/outbound.ini": "; fine\nconcurrency_max=many\ntemp_fail_intervalls=1m\n",
  });
  assert.match(complaints.join("\n"), /\/config\/outbound\.ini:2: .*concurrency_max.*"many".*wanted/);
  assert.match(complaints.join("\n"), /\/config\/outbound\.ini:3: .*did you mean "temp_fail_intervals"/);
});

test("check() names a plugin that does not load", async () => {
  const complaints = await complaintsAbout({
    "config/plugins": "broken\n",
    "plugins/broken.ts": 'throw new Error("I am broken");\n',
  });
  assert.match(complaints.join("\n"), /Loading plugin broken failed: I am broken/);
});

test("check() looks at certificates and at each plugin by itself, and says where a plugin went wrong", async () => {
  const complaints = (await complaintsAbout({
    "config/plugins": "broken\nworse\n",
    "config/tls_key.pem": "no key\n",
    "config/tls_cert.pem": "no certificate\n",
    "plugins/broken.ts": 'throw new Error("I am broken");\n',
    "plugins/worse.ts": '\nthrow new Error("So am I");\n',
  })).join("\n");
  assert.match(complaints, /\/config\/tls_(?:key|cert)\.pem: .*wanted/);
  assert.match(complaints, /Loading plugin broken failed: I am broken \(\/plugins\/broken\.ts:1/);
  assert.match(complaints, /Loading plugin worse failed: So am I \(\/plugins\/worse\.ts:2/);
  assert.match(complaints, /^3 faults in /m);
});

test("check() tells every plugin's fault at once, guesses the name that was meant, whatever else is wrong", async () => {
  const broken = (name: string) =>
    `export default { name: "${name}", setup() { throw new Error("${name} says no"); } };\n`;
  const complaints = (await complaintsAbout({
    "config/tls_key.pem": "no key\n",
    "config/tls_cert.pem": "no certificate\n",
    "config/outbound.ini": "concurrency_max=many\n",
    "config/smtp.ini": "listen=127.0.0.1:0,here!:25\n",
    "config/three.ini": "size=large\n",
    "config/plugins": "one\nrcpt_to.in_hots_list\ntwo\nthree\n",
    "plugins/three.ts": 'import { fileShape } from "kasi";\n' +
      'const I = fileShape({ file: "three.ini", about: ".", shape: { main: { size: { type: "integer", default: 1, about: "." } } } });\n' +
      'export default { name: "three", files: [I], async setup({ config }) { await config.ini(I); return {}; } };\n',
    "plugins/one.ts": broken("one"),
    "plugins/two.ts": broken("two"),
  })).join("\n");
  assert.match(
    complaints,
    /rcpt_to\.in_hots_list failed: there is no such plugin; .*did you mean "rcpt_to\.in_host_list"/,
  );
  assert.match(complaints, /Loading plugin one failed: one says no/);
  assert.match(complaints, /Loading plugin two failed: two says no/);
  assert.match(complaints, /\/config\/tls_(?:key|cert)\.pem: .*wanted/);
  assert.match(complaints, /\/config\/outbound\.ini:1: .*concurrency_max/);
  assert.match(complaints, /\/config\/smtp\.ini:1: .*listen: current value is "here!:25"/);
  assert.match(complaints, /\/config\/three\.ini:1: .*size: current value is "large"/);
  assert.match(complaints, /^7 faults in /m);
});

test("check() says where a plugin's setup threw", async () => {
  const complaints = await complaintsAbout({
    "config/plugins": "late\n",
    "plugins/late.ts": 'export default {\n  name: "late",\n  setup() {\n    throw new Error("not now");\n  },\n};\n',
  });
  assert.match(complaints.join("\n"), /Loading plugin late failed: not now \(\/plugins\/late\.ts:4/);
});
