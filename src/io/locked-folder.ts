/**
 * Folders that belong to a running process: `NAME/` under the lock `NAME.lck`, which ends with the process. What a crashed process left
 * can so be told from what is in use, by everybody who shares the place.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDStoreError, toDStoreError } from '../core/errors.ts';
import { randomName } from './clock.ts';
import type { SharedMode } from './durable.ts';
import { makeDirectory, sharedPermissions } from './durable.ts';
import { tryFileLock } from './file-lock.ts';
import type { RemovableLock } from './file-lock.ts';

export interface LockedFolder {
  readonly path: string;
  /** Gives the folder up; with `remove` it is deleted, else the next who looks for abandoned folders finds it. */
  close(remove: boolean): void;
}

const SUFFIX = '.lck';
/** Other files may lie beside the folders, and a key may end like a lock file. */
const LOCK_NAME = /^\d+-[0-9a-f]+\.lck$/;

/** Makes a folder in `parent`, which is made as well. @throws PERMISSION, READ_ONLY, NO_SPACE, IO */
export function openLockedFolder(parent: string, shared: SharedMode): LockedFolder {
  makeDirectory(parent, shared);
  for (;;) {
    const path = join(parent, randomName());
    let lock: RemovableLock | undefined;
    try {
      lock = tryFileLock(`${path}${SUFFIX}`, 'exclusive', shared === 'private' ? {} : { createMode: sharedPermissions(0o644, shared, false) });
      // Somebody who looks for abandoned folders may be faster.
      if (lock === undefined) continue;
    } catch (error) {
      // Without locks nobody can tell whether this is in use, so nobody removes it.
      if (!isDStoreError(error) || error.code !== 'LOCK_UNSUPPORTED') throw error;
    }
    try {
      mkdirSync(path);
    } catch (error) {
      lock?.release(true);
      throw toDStoreError(error, `cannot create directory ${path}`);
    }
    return lockedFolder(path, lock);
  }
}

/** The folders in `parent` whose process has ended, locked; those of other users are left to them. */
export function* abandonedFolders(parent: string): Generator<LockedFolder> {
  let names: string[];
  try {
    names = readdirSync(parent).filter((name) => LOCK_NAME.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw toDStoreError(error, `cannot read ${parent}`);
  }
  for (const name of names) {
    const lock = tryLock(join(parent, name));
    if (lock !== undefined) yield lockedFolder(join(parent, name.slice(0, -SUFFIX.length)), lock);
  }
}

function tryLock(path: string): RemovableLock | undefined {
  try {
    return tryFileLock(path, 'exclusive');
  } catch (error) {
    if (isDStoreError(error) && (error.code === 'PERMISSION' || error.code === 'READ_ONLY' || error.code === 'LOCK_UNSUPPORTED')) return undefined;
    throw error;
  }
}

function lockedFolder(path: string, lock: RemovableLock | undefined): LockedFolder {
  return {
    path,
    close(remove): void {
      try {
        if (remove) rmSync(path, { recursive: true, force: true });
      } finally {
        lock?.release(remove);
      }
    },
  };
}
