/** The page of a file in `docs/config/`, made from its shape: Markdown, one table per section. */
import { isOpen } from "./apply_shape.ts";
import { wantedOf } from "./read_setting.ts";
import type { FileShape, Section, Setting } from "./shape.ts";

export function renderManual(file: FileShape): string {
  const parts = [`# ${file.file}`, file.about];
  for (const [name, section] of Object.entries(file.shape)) {
    parts.push(`## ${name === "*" ? "Any other section" : `[${name.replace(/ \*$/, " …")}]`}`);
    parts.push(isOpen(section) ? section.about : table(section));
  }
  return parts.join("\n\n") + "\n";
}

/** `value` as one would write it; "" where nothing is the default. */
export function defaultText(setting: Setting): string {
  if (setting.type === "optional-text") return "";
  return Array.isArray(setting.default) ? setting.default.join(", ") : String(setting.default);
}

function table(section: Section): string {
  const rows = Object.entries(section).map(([key, setting]) => {
    const value = defaultText(setting);
    const old = setting.was === undefined ? "" : ` Formerly \`${setting.was.join("`, `")}\`.`;
    return `| \`${key}\` | ${cell(wantedOf(setting))} | ${value === "" ? "–" : `\`${cell(value)}\``} | ${
      cell(setting.about)
    }${old} |`;
  });
  return ["| Key | Takes | Default | Meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
