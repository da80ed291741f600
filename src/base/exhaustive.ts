/** Ends an exhaustive `switch`: a kind without its case does not compile. Throws if a value from outside the types gets here. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot handle this kind: current value is ${JSON.stringify(value)}`);
}
