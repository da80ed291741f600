/** Several readers of one file, each with the part it knows: the whole of what may stand there. */
import { isOpen } from "./apply_shape.ts";
import type { FileShape, OpenSection, Section } from "./shape.ts";

/** By file name, in the order of their first mention. Where two know the same key, the first one's word counts. */
export function mergeShapes(files: readonly FileShape[]): ReadonlyMap<string, FileShape> {
  const merged = new Map<string, FileShape>();
  for (const file of files) {
    const known = merged.get(file.file);
    merged.set(file.file, known === undefined ? file : { ...known, shape: mergeSections(known.shape, file.shape) });
  }
  return merged;
}

function mergeSections(first: FileShape["shape"], second: FileShape["shape"]): FileShape["shape"] {
  const sections: { [name: string]: Section | OpenSection } = { ...first };
  for (const [name, section] of Object.entries(second)) {
    const known = sections[name];
    sections[name] = known === undefined
      ? section
      : isOpen(known)
      ? known
      : isOpen(section)
      ? section
      : { ...section, ...known };
  }
  return sections;
}
