/** Typed arrays as columns of a table that grows. */
interface Column {
  readonly length: number;
  set(from: this): void;
}

const FEWEST = 64;

/** The column itself while it has `length` places, else a copy with room for half as many again; new places hold 0. */
export function grown<A extends Column>(column: A, length: number): A {
  if (length <= column.length) return column;
  const Kind = column.constructor as new (length: number) => A;
  const larger = new Kind(Math.max(FEWEST, length, Math.ceil(column.length * 1.5)));
  larger.set(column);
  return larger;
}
