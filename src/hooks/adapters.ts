/** The shapes of module that can be made a {@linkcode Plugin}: one row each, the first that fits wins. */
import type { CommonJs } from "../host/types.ts";
import type { HarakaContext, HarakaSource, Started } from "./haraka/adapter.ts";
import type { Plugin } from "./plugin.ts";

/** What a shape may need to make a plugin. */
export interface AdapterContext extends Omit<HarakaContext, "commonJs"> {
  readonly commonJs: () => Promise<CommonJs>;
}

export interface ModuleShape {
  readonly name: string;
  fits(module: Readonly<Record<string, unknown>>): boolean;
  adapt(module: Readonly<Record<string, unknown>>, name: string, context?: AdapterContext): Plugin;
}

/** Stands as the default export for a CommonJS file, which is run only when it is set up: its scope holds the server. */
export class CommonJsFile {
  readonly source: HarakaSource;
  constructor(source: HarakaSource) {
    this.source = source;
  }
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
  {
    name: "Haraka's: CommonJS, with register() or functions named hook_NAME",
    fits: ({ default: value }) => value instanceof CommonJsFile,
    adapt({ default: file }, name, context) {
      if (context === undefined) throw new TypeError("CommonJS plugins are not to be had here");
      let started: Started | undefined;
      return {
        name,
        async setup(host) {
          const { startHaraka } = await import("./haraka/adapter.ts");
          const commonJs = await context.commonJs();
          started = await startHaraka(name, (file as CommonJsFile).source, host, { ...context, commonJs });
          return started.hooks;
        },
        stop: () => started?.stop(),
      };
    },
  },
];

/** Throws TypeError, telling what was found and what is known, for a module of another shape. */
export function toPlugin(
  module: Readonly<Record<string, unknown>>,
  name: string,
  context?: AdapterContext,
): Plugin {
  const shape = SHAPES.find((shape) => shape.fits(module));
  if (shape !== undefined) return shape.adapt(module, name, context);
  const found = Object.keys(module).join(", ") || "nothing";
  throw new TypeError(
    `the module exports ${found}; wanted one of the known shapes: ${SHAPES.map(({ name }) => name).join("; ")}`,
  );
}
