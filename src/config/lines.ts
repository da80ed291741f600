/** Files of lines: `data` keeps them raw, `list` keeps what says something, `value` is the first of those. */

/** Lines without their ends; one empty line at the end of the file is its last line's end, not a line. */
export function parseData(text: string): readonly string[] {
  const lines = (text.startsWith("\uFEFF") ? text.slice(1) : text).split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Trimmed lines; blank ones and comments (`#`, `;` first) are dropped. */
export function parseList(text: string): readonly string[] {
  return parseData(text).map((line) => line.trim()).filter((line) => line !== "" && !/^[#;]/.test(line));
}

export function parseValue(text: string): string | undefined {
  return parseList(text)[0];
}
