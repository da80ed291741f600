/**
 * Becoming another user for good, all threads of the process together.
 *
 * Node can set the supplementary groups, Deno cannot: there the C library is asked, which wants `--allow-ffi` (part of `-A`). Where it may not be asked,
 * a process that would keep groups of its former user's is refused rather than half changed.
 */
import { chownSync, statSync } from "node:fs";
import process from "node:process";

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Login name, for the groups it is in; undefined: none but `gid`. */
  readonly name: string | undefined;
}

/** Whose process this is; undefined where there are no such numbers. */
export function currentUser(): { readonly uid: number; readonly gid: number } | undefined {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

export function giveTo(path: string, { uid, gid }: Account): void {
  chownSync(path, uid, gid);
}

/**
 * Rejects when it cannot be done wholly, or when the new user cannot read the program, parts of which are loaded when they are first needed; the
 * process is to be ended then.
 */
export async function becomeUser(account: Account): Promise<void> {
  if (!setGroups(account) && groups() !== "") {
    throw new Error(`groups of the former user would stay (${groups() ?? "which, is not told"}): allow --allow-ffi`);
  }
  process.setgid!(account.gid);
  process.setuid!(account.uid);
  const now = currentUser();
  if (now?.uid !== account.uid || now.gid !== account.gid) throw new Error("the system kept the former user");
  try {
    // Any module with packages that was not loaded yet.
    await import("./self_signed.ts");
  } catch (cause) {
    const hint = "Deno" in globalThis
      ? "set DENO_DIR to a directory which that user can read"
      : "move it to where that user can read it";
    throw new Error(`they cannot read the program: ${String(cause).split("\n")[0]}; ${hint}`, { cause });
  }
}

interface NodeGroups {
  initgroups(user: string, group: number): void;
}

/** Whether the groups are now those of the account. */
function setGroups({ gid, name }: Account): boolean {
  if (typeof process.setgroups === "function") {
    if (name === undefined) process.setgroups([gid]);
    else (process as unknown as NodeGroups).initgroups(name, gid);
    return true;
  }
  const libc = openLibc();
  if (libc === undefined) return false;
  try {
    const failed = name === undefined
      ? libc.symbols.setgroups(1n, Uint32Array.of(gid))
      : libc.symbols.initgroups(new TextEncoder().encode(`${name}\0`), gid);
    if (failed !== 0) throw new Error("the system refused to set the groups");
    return true;
  } finally {
    libc.close();
  }
}

function openLibc() {
  try {
    return Deno.dlopen("libc.so.6", {
      initgroups: { parameters: ["buffer", "u32"], result: "i32" },
      setgroups: { parameters: ["usize", "buffer"], result: "i32" },
    });
  } catch {
    // Not allowed, or another system's C library.
    return undefined;
  }
}

/** Supplementary groups; undefined where nobody tells. */
function groups(): string | undefined {
  try {
    return /^Groups:\s*(.*?)\s*$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  } catch {
    return undefined;
  }
}

/** User a file or directory belongs to; undefined where it is not there, or there are no such numbers. */
export function ownerOf(path: string): number | undefined {
  return currentUser() === undefined ? undefined : statSync(path, { throwIfNoEntry: false })?.uid;
}
