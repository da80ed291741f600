/** Name and version, as `-v`, the banner and the log say them. Kept equal to deno.json by `tests/house/version_test.ts`. */
export const VERSION = "0.1.0";
