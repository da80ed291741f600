/** Every talk of this folder, played in memory: whole, and cut at each octet. */
import { readdirSync, readFileSync } from "node:fs";
import { parseTalk, playInMemory } from "../kit/talk.ts";
import { test } from "../kit/test.ts";

const HERE = new URL("./", import.meta.url);

/** Which talk tells of groups, and so means something else when each octet comes alone. */
const GROUPED = new Set(["data_order", "starttls_injection"]);

for (const file of readdirSync(HERE).filter((name) => name.endsWith(".talk")).sort()) {
  const talk = parseTalk(file, readFileSync(new URL(file, HERE), "utf8"));
  test(talk.title, () => playInMemory(talk));
  if (!GROUPED.has(file.replace(".talk", ""))) {
    test(`${talk.title}, octet by octet`, () => playInMemory(talk, { split: true }));
  }
}
