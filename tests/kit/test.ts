/**
 * One way of declaring a test that runs under `deno test` and under `node --test`.
 *
 * Use `node:assert/strict` for assertions. Names are sentences; a test that proves a row of the specification carries `[row N]`.
 */
export interface TestOptions {
  /** Why it is left out; the runner counts it. */
  readonly skip?: string | undefined;
  /** Milliseconds; default 120 000: a machine that does other work besides is slow, not wrong. */
  readonly timeoutMs?: number;
  /** Deno's leak sanitizers; default true. */
  readonly sanitize?: boolean;
}
type Body = () => void | Promise<void>;

const deno = (globalThis as { Deno?: typeof Deno }).Deno;

export function test(name: string, body: Body): void;
export function test(name: string, options: TestOptions, body: Body): void;
export function test(name: string, second: TestOptions | Body, third?: Body): void {
  const options = typeof second === "function" ? {} : second;
  const body = typeof second === "function" ? second : third!;
  const limited = () => withTimeout(name, body, options.timeoutMs ?? 120_000);
  if (deno) {
    const sanitize = options.sanitize ?? true;
    deno.test({
      name: options.skip === undefined ? name : `${name} (skipped: ${options.skip})`,
      ignore: options.skip !== undefined,
      sanitizeOps: sanitize,
      sanitizeResources: sanitize,
      fn: limited,
    });
  } else {
    pending.push(
      import("node:test").then((m) => m.test(name, options.skip === undefined ? {} : { skip: options.skip }, limited)),
    );
  }
}
const pending: Promise<unknown>[] = [];

async function withTimeout(name: string, body: Body, ms: number): Promise<void> {
  let id: ReturnType<typeof setTimeout> | undefined;
  try {
    await Promise.race([
      Promise.resolve(body()),
      new Promise((_, reject) => {
        id = setTimeout(() => reject(new Error(`Test took longer than ${ms} ms: ${name}`)), ms);
      }),
    ]);
  } finally {
    clearTimeout(id);
  }
}
