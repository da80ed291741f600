/** The shapes of module that can be made a {@linkcode Plugin}: one row each, the first that fits wins. */
import type { Plugin } from "./plugin.ts";

export interface ModuleShape {
  readonly name: string;
  fits(module: Readonly<Record<string, unknown>>): boolean;
  adapt(module: Readonly<Record<string, unknown>>, name: string): Plugin;
}

export const SHAPES: readonly ModuleShape[] = [
  {
    name: "Kasi's: a default export with a name, and hooks or setup()",
    fits: ({ default: value }) => {
      if (typeof value !== "object" || value === null) return false;
      const { name, hooks, setup } = value as Readonly<Record<string, unknown>>;
      return typeof name === "string" && (typeof setup === "function" || (typeof hooks === "object" && hooks !== null));
    },
    adapt: (module) => module.default as Plugin,
  },
];

/** Throws TypeError, telling what was found and what is known, for a module of another shape. */
export function toPlugin(module: Readonly<Record<string, unknown>>, name: string): Plugin {
  const shape = SHAPES.find((shape) => shape.fits(module));
  if (shape !== undefined) return shape.adapt(module, name);
  const found = Object.keys(module).join(", ") || "nothing";
  throw new TypeError(
    `the module exports ${found}; wanted one of the known shapes: ${SHAPES.map(({ name }) => name).join("; ")}`,
  );
}
