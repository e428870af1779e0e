/** The locks of a git-annex repository, so that git-annex and this program can work in it at the same time. */
import { lstatSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { changeMode } from './bulk-objects.ts';
import { makeDirectory, sharedPermissions } from './durable.ts';
import type { SharedMode } from './durable.ts';
import { fileLock, tryFileLock, waitFor } from './file-lock.ts';
import type { HeldLock, RemovableLock } from './file-lock.ts';
import type { LockMode } from './native.ts';
import { pidLockHolder, tryPidLock } from './pid-lock.ts';

export interface AnnexLocks {
  /**
   * Takes the lock of journal, index and git-annex branch, waiting for it.
   * @throws LOCKED after annex.pidlocktimeout in pidlock mode; ABORTED; PERMISSION
   */
  journal(op: Op): Promise<HeldLock>;
  /**
   * Takes the lock of one object (repository version 10), without waiting: shared while somebody counts on it, exclusive to remove it.
   * Giving it back deletes the lock file, and the directories of the object if that is gone. Each lock is an open file.
   * @param objectPath `…/xX/yY/F/F`, where the object is
   * @returns undefined when somebody holds a conflicting lock or the object's directory is gone
   * @throws PERMISSION, READ_ONLY when the lock file cannot be made; LOCK_UNSUPPORTED
   */
  tryContent(objectPath: string, mode: LockMode): ContentLock | undefined;
}

export interface ContentLock {
  /** @param gone the object was removed together with its lock file and directories, so there is nothing to put in order */
  release(gone?: boolean): void;
}

const PIDLOCK_TIMEOUT_SECONDS = 300;

/**
 * @param options.annexDirectory `.git/annex`
 * @param options.pidLock `annex.pidlock`
 * @param options.pidLockTimeoutSeconds `annex.pidlocktimeout`; default 300
 * @param options.shared `core.sharedRepository`: who may use the lock files
 */
export function openAnnexLocks(options: {
  annexDirectory: string; pidLock: boolean; pidLockTimeoutSeconds?: number; shared?: SharedMode;
}): AnnexLocks {
  return options.pidLock ? pidLocks(options.annexDirectory, options.pidLockTimeoutSeconds ?? PIDLOCK_TIMEOUT_SECONDS, options.shared ?? 'private')
    : recordLocks(options.annexDirectory, options.shared ?? 'private');
}

function recordLocks(annexDirectory: string, shared: SharedMode): AnnexLocks {
  const create = shared === 'private' ? {} : { createMode: sharedPermissions(0o644, shared, false) };
  return {
    async journal(op): Promise<HeldLock> {
      makeDirectory(annexDirectory, shared);
      return fileLock(join(annexDirectory, 'journal.lck'), 'exclusive', op, { what: 'the journal of the git-annex branch', ...create });
    },
    tryContent: (objectPath, mode) => tryObjectLock(objectPath, mode, create),
  };
}

function tryObjectLock(objectPath: string, mode: LockMode, create: { createMode?: number }): ContentLock | undefined {
  const directory = dirname(objectPath);
  const before = directoryMode(directory);
  if (before === undefined) return undefined;
  // The directory of an object is read-only; the lock file has to get in.
  const closed = (before & 0o200) === 0;
  if (closed) changeMode(directory, before | 0o200);
  let lock: RemovableLock | undefined;
  try {
    lock = tryFileLock(`${objectPath}.lck`, mode, create);
  } catch (error) {
    // Removed by another process in this moment.
    if (directoryMode(directory) === undefined) return undefined;
    throw error;
  } finally {
    if (closed) restoreMode(directory, before);
  }
  if (!lock) return undefined;
  const held = lock;
  let released = false;
  return {
    release(gone = false): void {
      if (released) return;
      released = true;
      if (gone) {
        held.release(false);
        return;
      }
      if (closed) restoreMode(directory, before | 0o200);
      held.release(true);
      if (lstatSync(objectPath, { throwIfNoEntry: false })) {
        if (closed) restoreMode(directory, before);
      } else {
        removeEmpty(directory, 3);
      }
    },
  };
}

function directoryMode(directory: string): number | undefined {
  try {
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    return stat && stat.mode & 0o7777;
  } catch (error) {
    throw toDStoreError(error, `cannot lock the content in ${directory}`);
  }
}

/** The directory may be gone together with its object. */
function restoreMode(directory: string, mode: number): void {
  try {
    changeMode(directory, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw toDStoreError(error, `cannot change ${directory}`);
  }
}

/** F, and the hash directories above it, as far as they are empty. */
function removeEmpty(directory: string, levels: number): void {
  let path = directory;
  for (let level = 0; level < levels; level++) {
    try {
      rmdirSync(path);
    } catch {
      // Not empty, or gone: both are right.
      if (level > 0) return;
    }
    path = dirname(path);
  }
}

/** In pidlock mode other processes are kept out by the one lock; the single locks exist inside this process only. */
const inProcess = new Map<string, { mode: LockMode; holders: number }>();

function tryInProcess(name: string, mode: LockMode): HeldLock | undefined {
  const entry = inProcess.get(name);
  if (entry && (mode === 'exclusive' || entry.mode === 'exclusive')) return undefined;
  const joined = entry ?? { mode, holders: 0 };
  joined.holders++;
  inProcess.set(name, joined);
  let held = true;
  return {
    release(): void {
      if (!held) return;
      held = false;
      if (--joined.holders === 0) inProcess.delete(name);
    },
  };
}

function pidLocks(annexDirectory: string, timeoutSeconds: number, shared: SharedMode): AnnexLocks {
  const tryBoth = (name: string, mode: LockMode): HeldLock | undefined => {
    const inner = tryInProcess(name, mode);
    if (!inner) return undefined;
    let outer: HeldLock | undefined;
    try {
      outer = tryPidLock(annexDirectory);
    } finally {
      if (!outer) inner.release();
    }
    if (!outer) return undefined;
    const held = outer;
    return {
      release(): void {
        held.release();
        inner.release();
      },
    };
  };
  return {
    async journal(op): Promise<HeldLock> {
      makeDirectory(annexDirectory, shared);
      return waitFor(
        () => tryBoth(join(annexDirectory, 'journal.lck'), 'exclusive'),
        () => `the annex ${annexDirectory}, held by ${pidLockHolder(annexDirectory)}`,
        op,
        { timeoutMilliseconds: timeoutSeconds * 1000, hint: `if that process does not exist any more: rm '${join(annexDirectory, 'pidlock')}'` },
      );
    },
    tryContent: (objectPath, mode) => tryBoth(`${objectPath}.lck`, mode),
  };
}
