/** Changing entries of the git index after files of the work tree were replaced. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import type { IndexEntry, LockedIndex } from '../git/git-index.ts';
import type { StatData } from '../io/bulk.ts';
import { nowMilliseconds } from '../io/clock.ts';
import { waitFor } from '../io/file-lock.ts';
import type { Dataset } from './dataset.ts';
import { lstatData } from './work-tree.ts';

export interface IndexChange {
  readonly path: string;
  /** Leave out to keep what the index has and only refresh the stat data. */
  readonly oid?: string;
  readonly mode?: number;
  /** Leave out to take it from disk. */
  readonly stat?: StatData;
}

export function newEntry(path: string, mode: number, oid: string, stat: StatData): IndexEntry {
  return { ...stat, path, mode, oid, stage: 0, assumeValid: false, skipWorktree: false, intentToAdd: false };
}

/** How long others are waited for; a commit of many files takes seconds. */
const WAIT_MILLISECONDS = 20_000;
/** A lock this old is more likely what a crash left; then the wait is short. */
const OLD_MILLISECONDS = 30_000;
const SHORT_WAIT_MILLISECONDS = 1000;

/**
 * Takes git's lock of the index, waiting for other processes. What is done on disk already needs the index to say so, thus an
 * interruption does not end the wait.
 * @throws LOCKED, naming the file and what to do
 */
export async function lockIndex(dataset: Dataset, op: Op): Promise<LockedIndex> {
  const { repo } = dataset;
  const start = nowMilliseconds();
  return await waitFor(() => {
    try {
      return repo.lockIndex({ waitMilliseconds: 0 });
    } catch (error) {
      if (!isDStoreError(error) || error.code !== 'LOCKED') throw error;
      const made = statSync(join(repo.gitDir, 'index.lock'), { throwIfNoEntry: false })?.mtimeMs;
      const limit = made !== undefined && nowMilliseconds() - made > OLD_MILLISECONDS ? SHORT_WAIT_MILLISECONDS : WAIT_MILLISECONDS;
      if (nowMilliseconds() - start > limit) throw error;
      return undefined;
    }
  }, () => 'another process that changes the git index', { signal: new AbortController().signal, emit: (event) => op.emit(event) }, {});
}

/** Applies changes under index.lock in one write. Without the refresh `git status` would show the files as modified. */
export async function updateIndex(dataset: Dataset, changes: readonly IndexChange[], op: Op): Promise<void> {
  if (changes.length === 0) return;
  applyChanges(dataset, await lockIndex(dataset, op), changes);
}

/** As {@link updateIndex} for what may as well be left undone. @throws LOCKED at once */
export function tryUpdateIndex(dataset: Dataset, changes: readonly IndexChange[]): void {
  if (changes.length > 0) applyChanges(dataset, dataset.repo.lockIndex({ waitMilliseconds: 0 }), changes);
}

function applyChanges(dataset: Dataset, locked: LockedIndex, changes: readonly IndexChange[]): void {
  try {
    for (const { path, oid, mode, stat } of changes) {
      const entry = locked.index.get(path);
      const found = stat ?? (dataset.scratch.isBehindLink(dataset.top, path) ? undefined : lstatData(`${dataset.top}/${path}`));
      if (entry === undefined || found === undefined) continue;
      locked.index.set(newEntry(path, mode ?? entry.mode, oid ?? entry.oid, found));
    }
    locked.commit();
  } catch (error) {
    locked.rollback();
    throw error;
  }
}
