import assert from "node:assert/strict";
import { describeFault } from "../../src/base/config_error.ts";
import { applyShape, placeOf } from "../../src/config/apply_shape.ts";
import { parseIni } from "../../src/config/ini.ts";
import { fileShape } from "../../src/config/shape.ts";
import { test } from "../kit/test.ts";

const SHAPE = fileShape({
  file: "x.ini",
  about: "For tests.",
  shape: {
    main: {
      on: { type: "boolean", default: true, about: "." },
      off: { type: "boolean", default: false, about: "." },
      count: { type: "integer", default: 7, min: 0, max: 100, about: "." },
      ratio: { type: "number", default: 0.5, about: "." },
      name: { type: "text", default: "n", about: "." },
      maybe: { type: "optional-text", about: "." },
      way: { type: "choice", of: ["Left", "right"], default: "right", about: ".", was: ["direction"] },
      words: { type: "words", default: ["w"], about: "." },
      lines: { type: "lines", default: [], about: "." },
    },
    users: { open: true, about: "." },
    "*": { flag: { type: "boolean", default: true, about: "." }, size: { type: "integer", default: 1, about: "." } },
  },
});
const apply = (text: string) => applyShape(SHAPE, parseIni(text, "x.ini"));

test("what is not set has its default", () => {
  const { settings, faults, warnings } = apply("");
  assert.deepEqual(settings.main, {
    on: true,
    off: false,
    count: 7,
    ratio: 0.5,
    name: "n",
    maybe: undefined,
    way: "right",
    words: ["w"],
    lines: [],
  });
  assert.deepEqual([faults, warnings], [[], []]);
});

test("[row 35] integers and floats are numbers, the rest is text; lines go on; items gather", () => {
  const { settings, faults } = apply(
    "count = 42\nratio = -1.25\nname = 007\nmaybe = 1.5\nwords = a, b\\\n c\nlines[] = one line\nlines[]= another, one\n",
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(settings.main, {
    on: true,
    off: false,
    count: 42,
    ratio: -1.25,
    name: "007",
    maybe: "1.5",
    way: "right",
    words: ["a", "b", "c"],
    lines: ["one line", "another, one"],
  });
});

test("[row 37] a boolean that is not set has its declared default; in any other section it has none", () => {
  const { settings } = apply("[a]\nsize=2\n[b]\nflag=no\n");
  assert.deepEqual([settings.main.on, settings.main.off], [true, false]);
  assert.deepEqual({ ...settings["*"]["a"] }, { size: 2 });
  assert.deepEqual({ ...settings["*"]["b"] }, { flag: false });
});

test("the words of yes and no, in any case; anything else is a fault", () => {
  for (const word of ["true", "yes", "ok", "enabled", "on", "1", "TRUE", "Yes", "oN"]) {
    assert.equal(apply(`off=${word}`).settings.main.off, true, word);
  }
  for (const word of ["false", "no", "off", "disabled", "0", "", "NO"]) {
    assert.equal(apply(`on=${word}`).settings.main.on, false, word);
  }
  assert.deepEqual(apply("a=1\n\non = maybe").faults, [{
    file: "x.ini",
    line: 3,
    setting: "[main] on",
    current: "maybe",
    wanted: "true or false",
  }]);
});

test("a value of the wrong form is a fault that says what was wanted, and the default stands", () => {
  const { settings, faults } = apply("count=101\nratio=x\nway=up\non\n");
  assert.deepEqual(faults.map(describeFault), [
    "x.ini:4: [main] on: wanted: a value: key = true or false",
    'x.ini:1: [main] count: current value is "101"; wanted: an integer from 0 to 100',
    'x.ini:2: [main] ratio: current value is "x"; wanted: a number',
    'x.ini:3: [main] way: current value is "up"; wanted: one of Left, right',
  ]);
  assert.deepEqual([settings.main.count, settings.main.ratio, settings.main.way], [7, 0.5, "right"]);
});

test("an unknown name is a warning with the nearest one; an old name is read", () => {
  const { settings, warnings } = apply("cuont=1\ndirection=left\nzzzzzz=1\n");
  assert.equal(settings.main.way, "Left");
  assert.deepEqual(warnings, [
    { file: "x.ini", line: 2, setting: "[main] direction", wanted: "its present name, way" },
    { file: "x.ini", line: 1, setting: "[main] cuont", wanted: "a setting of this section", nearest: "count" },
    { file: "x.ini", line: 3, setting: "[main] zzzzzz", wanted: "a setting of this section" },
  ]);
});

test("an unknown section is a warning where no other section may stand", () => {
  const shape = fileShape({
    file: "y.ini",
    about: ".",
    shape: { headers: { a: { type: "boolean", default: true, about: "." } } },
  });
  assert.deepEqual(applyShape(shape, parseIni("\n[header]\na=no\n", "y.ini")).warnings, [
    { file: "y.ini", line: 2, setting: "[header]", wanted: "a section of y.ini", nearest: "headers" },
  ]);
});

test("open sections are looked up without a prototype", () => {
  const { settings } = apply("[users]\nbob = secret\nalice\n");
  assert.deepEqual(Object.entries(settings.users), [["bob", "secret"], ["alice", undefined]]);
  assert.equal(settings.users["toString"], undefined);
  assert.equal(settings["*"]["toString"], undefined);
});

test("where a value came from stays known", () => {
  const { settings } = apply("\ncount=1\n");
  assert.deepEqual(placeOf(settings.main, "count"), { file: "x.ini", line: 2 });
  assert.equal(placeOf(settings.main, "ratio"), undefined);
});

test("[row 38] six words are true and their opposites false, in any case; any other word is a fault, not a guess", () => {
  const read = (word: string) => {
    const shape = fileShape({
      file: "x.ini",
      about: ".",
      shape: {
        main: {
          yes: { type: "boolean", default: false, about: "." },
          no: { type: "boolean", default: true, about: "." },
        },
      },
    });
    const { settings, faults } = applyShape(shape, parseIni(`yes=${word}\nno=${word}\n`, "x.ini"));
    return faults.length > 0 ? "fault" : [settings.main.yes, settings.main.no];
  };
  const cases = (word: string) => [word, word.toUpperCase(), word[0]!.toUpperCase() + word.slice(1)];
  for (const word of ["true", "yes", "ok", "enabled", "on", "1"].flatMap(cases)) {
    assert.deepEqual(read(word), [true, true], word);
  }
  for (const word of ["false", "no", "off", "disabled", "0"].flatMap(cases)) {
    assert.deepEqual(read(word), [false, false], word);
  }
  assert.deepEqual(read(""), [false, false]);
  for (const word of ["maybe", "2", "y", "truth"]) assert.equal(read(word), "fault", word);
});

test("sections of a kind are found by the word they begin with, and know where they stand", () => {
  const shape = fileShape({
    file: "x.ini",
    about: "For tests.",
    shape: {
      "source *": { port: { type: "integer", default: 25, about: "." } },
      "*": { on: { type: "boolean", default: true, about: "." } },
    },
  });
  const text = "[source a]\nport=26\n[source]\non=no\n[b.example]\n\n[source  c]\nprt=1";
  const { settings, warnings } = applyShape(shape, parseIni(text, "x.ini"));
  assert.deepEqual(Object.entries(settings["source *"]), [["a", { port: 26 }], ["c", {}]]);
  assert.deepEqual(Object.entries(settings["*"]), [["source", { on: false }], ["b.example", {}]]);
  assert.deepEqual(placeOf(settings["*"]["b.example"]!, ""), { file: "x.ini", line: 5 });
  assert.deepEqual(warnings.map(describeFault), [
    'x.ini:8: [source  c] prt: wanted: a setting of this section (did you mean "port"?)',
  ]);
});
