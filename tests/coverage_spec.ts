/**
 * Prints which rows of the specification's checklist are proved: `deno task coverage:spec`.
 *
 * A row is proved when a test names it, as in `test("[row 121] …")` or `[rows 34 35]`. The checklist itself lies beside the checkout
 * (`../shared/spec/00-checklist.md`); without it the rows are listed by number only.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const CHECKLIST = ROOT + "../shared/spec/00-checklist.md";
const ROW = /\[rows? ([\d,\s]+)\]/g;

interface Row {
  readonly area: string;
  readonly feature: string;
}

function checklist(): Map<number, Row> {
  const rows = new Map<number, Row>();
  if (!existsSync(CHECKLIST)) return rows;
  for (const line of readFileSync(CHECKLIST, "utf8").split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim());
    const id = Number(cells[1]);
    if (Number.isInteger(id) && id > 0) rows.set(id, { area: cells[2] ?? "", feature: cells[3] ?? "" });
  }
  return rows;
}

function provedRows(): Map<number, string[]> {
  const proved = new Map<number, string[]>();
  const walk = (folder: string) => {
    for (const entry of readdirSync(ROOT + folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (/(_test\.ts|\.talk)$/.test(entry.name)) {
        for (const match of readFileSync(ROOT + path, "utf8").matchAll(ROW)) {
          for (const id of match[1]!.match(/\d+/g) ?? []) {
            const files = proved.get(Number(id)) ?? [];
            if (!files.includes(path)) files.push(path);
            proved.set(Number(id), files);
          }
        }
      }
    }
  };
  walk("tests");
  return proved;
}

const rows = checklist();
const proved = provedRows();
const areas = new Map<string, { proved: number; total: number }>();
for (const [id, { area }] of rows) {
  const count = areas.get(area.replace(/:.*/, "")) ?? { proved: 0, total: 0 };
  count.total++;
  if (proved.has(id)) count.proved++;
  areas.set(area.replace(/:.*/, ""), count);
}
for (const [id, files] of [...proved].sort((a, b) => a[0] - b[0])) {
  console.log(
    `${String(id).padStart(3)}  ${(rows.get(id)?.feature ?? "").slice(0, 70).padEnd(70)}  ${files.join(", ")}`,
  );
}
console.log("");
for (const [area, count] of areas) console.log(`${area.padEnd(24)} ${count.proved} of ${count.total}`);
const unknown = [...proved.keys()].filter((id) => rows.size > 0 && !rows.has(id));
if (unknown.length > 0) console.log(`rows that the checklist does not have: ${unknown.join(", ")}`);
console.log(
  `\nproved: ${[...proved.keys()].filter((id) => rows.size === 0 || rows.has(id)).length} of ${rows.size || "?"} rows`,
);
