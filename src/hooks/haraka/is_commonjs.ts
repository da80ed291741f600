/** Whether a plugin's file is CommonJS, as Haraka's are, or an ES module: by its ending, its package, else by its words. */

// Comments may quote anything. Strings may too: a line of one that begins like this is taken for code.
const COMMENTS = /\/\*[^]*?\*\/|^\s*\/\/.*$/gm;
const MODULE_WORDS =
  /^\s*(?:import\s*(?:[\w$*{"'])|export\s*(?:default\b|const\b|let\b|var\b|function\b|async\b|class\b|\{|\*))/m;

export function isCommonJs(path: string, source: string, packageType?: unknown): boolean {
  if (path.endsWith(".cjs")) return true;
  if (!path.endsWith(".js") || packageType === "module") return false;
  return !MODULE_WORDS.test(source.replace(COMMENTS, ""));
}
