/**
 * POSIX record locks over whole files, as git-annex takes them (exclusive F_WRLCK, shared F_RDLCK): both programs exclude each other.
 *
 * Classic record locks belong to the process: they do not exclude within it, and closing any descriptor of the file drops
 * them. So there is one table per process; nothing else may open a file that is held. Worker threads take no locks.
 */
import { closeSync, constants, existsSync, fchmodSync, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { checkAborted } from '../core/op.ts';
import type { Op } from '../core/op.ts';
import { nowMilliseconds, sleepRandom } from './clock.ts';
import { lockHolder, setDescriptorLock } from './native.ts';
import type { LockMode } from './native.ts';

export interface HeldLock {
  /** Gives the lock back; a second call does nothing. */
  release(): void;
}

/** A lock whose file can go with it. */
export interface RemovableLock extends HeldLock {
  /**
   * Gives the lock back and, with `remove`, deletes its file, unless somebody else shares it: a racing process that waits for the
   * deleted file would otherwise hold a lock that nobody sees.
   */
  release(remove?: boolean): void;
}

interface Entry {
  readonly mode: LockMode;
  readonly descriptor: number;
  readonly identity: string;
  readonly paths: Set<string>;
  /** Descriptors of the same file that must not be closed before the lock is given back. */
  readonly kept: number[];
  holders: number;
}

const byPath = new Map<string, Entry>();
const byIdentity = new Map<string, Entry>();

/**
 * Takes the lock without waiting.
 * @param path lock file; created (0666 less the umask, or `createMode` exactly) when missing; its directory must exist
 * @returns undefined when somebody holds a conflicting lock, in this process or another
 * @throws PERMISSION, READ_ONLY, IO, LOCK_UNSUPPORTED
 */
export function tryFileLock(path: string, mode: LockMode, options: { createMode?: number } = {}): RemovableLock | undefined {
  const name = resolve(path);
  const known = byPath.get(name);
  if (known) return join(known, mode);
  for (;;) {
    const descriptor = openLockFile(name, mode, options.createMode);
    let keep = false;
    try {
      const stat = fstatSync(descriptor, { bigint: true });
      const identity = `${stat.dev}:${stat.ino}`;
      const alias = byIdentity.get(identity);
      if (alias) {
        // The same file by another path: closing our descriptor now would drop the lock that is held.
        alias.kept.push(descriptor);
        alias.paths.add(name);
        byPath.set(name, alias);
        keep = true;
        return join(alias, mode);
      }
      if (!setDescriptorLock(descriptor, mode)) return undefined;
      // git-annex deletes content lock files: a lock on a deleted file excludes nobody, so the path must still lead to it.
      const now = statSync(name, { bigint: true, throwIfNoEntry: false });
      if (now === undefined || now.ino !== stat.ino || now.dev !== stat.dev) continue;
      const entry: Entry = { mode, descriptor, identity, paths: new Set([name]), kept: [], holders: 0 };
      byPath.set(name, entry);
      byIdentity.set(identity, entry);
      keep = true;
      return join(entry, mode);
    } catch (error) {
      throw toDStoreError(error, `cannot lock ${path}`);
    } finally {
      if (!keep) closeSync(descriptor);
    }
  }
}

function openLockFile(path: string, mode: LockMode, createMode: number | undefined): number {
  try {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, createMode ?? 0o666);
    if (createMode !== undefined) giveMode(descriptor, createMode);
    return descriptor;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A shared lock needs no write access when the file is there.
    if (mode === 'shared' && (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') && existsSync(path)) {
      try {
        return openSync(path, constants.O_RDONLY);
      } catch (second) {
        throw toDStoreError(second, `cannot open lock file ${path}`);
      }
    }
    throw toDStoreError(error, `cannot open lock file ${path}`);
  }
}

/** The umask does not decide about lock files that several users share. Only the owner can correct it, so a failure is no error. */
function giveMode(descriptor: number, mode: number): void {
  try {
    if ((fstatSync(descriptor).mode & mode) !== mode) fchmodSync(descriptor, mode);
  } catch {
    // Somebody else's lock file.
  }
}

function join(entry: Entry, mode: LockMode): RemovableLock | undefined {
  if (entry.holders > 0 && (mode === 'exclusive' || entry.mode === 'exclusive')) return undefined;
  entry.holders++;
  let held = true;
  return {
    release(remove = false): void {
      if (!held) return;
      held = false;
      if (--entry.holders > 0) return;
      for (const path of entry.paths) byPath.delete(path);
      byIdentity.delete(entry.identity);
      try {
        if (remove) removeLockFile(entry);
        setDescriptorLock(entry.descriptor, 'none');
      } finally {
        for (const descriptor of entry.kept) closeSync(descriptor);
        closeSync(entry.descriptor);
      }
    },
  };
}

/** Deletes the file only while holding it exclusively and while the path still leads to it. */
function removeLockFile(entry: Entry): void {
  const [path] = entry.paths;
  try {
    if (path === undefined || (entry.mode === 'shared' && !setDescriptorLock(entry.descriptor, 'exclusive'))) return;
    const now = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (now && `${now.dev}:${now.ino}` === entry.identity) unlinkSync(path);
  } catch {
    // A lock file that stays behind does no harm: the next holder uses it.
  }
}

/** Words for a person: the process in the way, when the system knows it. */
function holderText(path: string): string {
  if (byPath.has(resolve(path))) return 'this process';
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY);
    const pid = lockHolder(descriptor);
    return pid === undefined ? 'another process' : `process ${pid}`;
  } catch {
    return 'another process';
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Takes the lock, waiting for it. Reports `waiting` once.
 * @param options.timeoutMilliseconds without it waits until the operation is aborted
 * @param options.what words for a person, e.g. `the annex journal`
 * @throws LOCKED after the time; ABORTED
 */
export async function fileLock(
  path: string, mode: LockMode, op: Op, options: { timeoutMilliseconds?: number; what?: string; createMode?: number } = {},
): Promise<RemovableLock> {
  const what = options.what ?? path;
  return waitFor(
    () => tryFileLock(path, mode, options.createMode === undefined ? {} : { createMode: options.createMode }),
    () => `${what}, held by ${holderText(path)}`,
    op,
    { ...options, hint: `see who holds it with: fuser -v '${path}'` },
  );
}

/** Polls for a lock, quickly at first, ten times a second later. */
export async function waitFor<T>(
  attempt: () => T | undefined, describe: () => string, op: Op, options: { timeoutMilliseconds?: number; hint?: string },
): Promise<T> {
  const start = nowMilliseconds();
  let pause = 1;
  let told = false;
  for (;;) {
    checkAborted(op);
    const held = attempt();
    if (held !== undefined) return held;
    const waited = nowMilliseconds() - start;
    if (options.timeoutMilliseconds !== undefined && waited >= options.timeoutMilliseconds) {
      throw new DStoreError('LOCKED', `cannot lock ${describe()}`, { hint: options.hint, retryable: true });
    }
    if (!told && waited > 200) {
      told = true;
      op.emit({ type: 'waiting', what: describe() });
    }
    await sleepRandom(pause, op.signal);
    pause = Math.min(pause * 1.5, 100);
  }
}
