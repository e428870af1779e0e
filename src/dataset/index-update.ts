/** Changing entries of the git index after files of the work tree were replaced. */
import type { IndexEntry } from '../git/git-index.ts';
import type { StatData } from '../io/bulk.ts';
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

/** Applies changes under index.lock in one write. Without the refresh `git status` would show the files as modified. */
export function updateIndex(dataset: Dataset, changes: readonly IndexChange[]): void {
  if (changes.length === 0) return;
  const locked = dataset.repo.lockIndex();
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
