/**
 * Site directories made by the ancestor's own `-i`, of both configuration generations, serve as they are. The package comes from npm into the tests'
 * cache; without npm the tests are skipped, and counted.
 *
 * "As they are" but for two lines that every installation sets: where to listen (no test may take port 25), and where the next hop is.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { harakaPackage } from "../haraka_packages.ts";
import { run, runKasi } from "../kit/mail_programs.ts";
import { startNextHop } from "../kit/next_hop.ts";
import { startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { nodeBinary } from "../setup.ts";

const node = nodeBinary();

for (const [generation, version] of [["3.0", "3.0.4"], ["3.1", "3.1.7"]] as const) {
  const home = node === undefined ? undefined : harakaPackage(version);
  const skip = home === undefined ? `Haraka ${version} is not to be had from npm here` : undefined;

  test(
    `[row 52] a site directory that Haraka ${version} made starts as it is, keeps the same limit in its own way, and takes a mail`,
    { skip },
    async () => {
      const parent = temporaryDir("kasi-haraka-");
      const dir = join(parent, "site");
      try {
        const made = await run(node!, [join(home!, "node_modules/Haraka/bin/haraka"), "-i", dir]);
        assert.equal(made.code, 0, made.output);
        assert.equal(existsSync(join(dir, "config/connection.ini")), generation === "3.1");
        assert.deepEqual(await runKasi(["check", "-c", dir]).then(({ code, stderr }) => [code, stderr]), [0, ""]);
        const order = await runKasi(["-o", "-c", dir]);
        for (const name of ["mail_from.is_resolvable", "rcpt_to.in_host_list", "queue/smtp_forward"]) {
          assert.match(order.stdout, new RegExp(`^${name} `, "m"));
        }
        await using hop = await startNextHop();
        const smtpIni = join(dir, "config/smtp.ini");
        writeFileSync(smtpIni, `listen=127.0.0.1:0\n${readFileSync(smtpIni, "utf8")}`);
        writeFileSync(join(dir, "config/smtp_forward.ini"), `host=127.0.0.1\nport=${hop.port}\n`);
        // The same limit as each generation has it: a file of its own, and a key of connection.ini.
        if (generation === "3.0") writeFileSync(join(dir, "config/databytes"), "4321\n");
        else {
          const path = join(dir, "config/connection.ini");
          writeFileSync(path, readFileSync(path, "utf8").replace(/^bytes=.*$/m, "bytes=4321"));
        }
        await using kasi = await startKasi({ dir, bare: true });
        assert.doesNotMatch(kasi.output(), /\[(WARN|ERROR|CRIT)\]|wanted:|unknown/i);
        await using client = await SmtpClient.connect(kasi.port);
        assert.match((await client.reply())!, new RegExp(`^220 ${hostname()} ESMTP .* ready`));
        const hello = await client.say("EHLO client.test");
        assert.match(hello!, /at your service/);
        assert.match(hello!, /SIZE 4321$/m);
        assert.match(
          (await client.mail("", [`you@${hostname()}`], "Subject: from a site of Haraka's\r\n\r\nx\r\n"))!,
          /^250 /,
        );
        assert.match(
          (await client.mail("", ["you@elsewhere.test"], "Subject: x\r\n\r\nx\r\n").catch(String))!,
          /^5|550/,
        );
        const [mail] = await hop.untilMails(1);
        assert.match(mail!.content, /^Subject: from a site of Haraka's\r$/m);
      } finally {
        rmSync(parent, { recursive: true, force: true });
      }
    },
  );
}
