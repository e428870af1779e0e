/** What differs between the last commit, the index and the files on disk. */
import { join } from 'node:path';
import type { Run } from '../core/run.ts';
import { shownPath } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { withDataset } from '../dataset/dataset.ts';
import { tryUpdateIndex } from '../dataset/index-update.ts';
import { isInstalled, reportBelow } from '../dataset/nested.ts';
import { selectionOf } from '../dataset/path-arguments.ts';
import type { PathSelection } from '../dataset/select-paths.ts';
import { existsInWorkTree, scanWorkTree } from '../dataset/work-tree.ts';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { GitIndex } from '../git/git-index.ts';
import type { StatusInput } from '../core/inputs.ts';

const TYPE_MASK = 0o170000;
const SUBMODULE = 0o160000;

export async function status(input: StatusInput, run: Run): Promise<void> {
  await withDataset(input.cwd, run, async (dataset) => {
    const index = dataset.repo.readIndex();
    const selection = selectionOf(dataset, input.paths, index);
    const { changes, refreshed } = await scanWorkTree(dataset, index, selection, run);
    const staged = await stagedChanges(dataset, index, selection, run);
    for (const argument of selection.unmatched()) {
      if (!existsInWorkTree(dataset, argument) && !changes.some(({ path }) => selection.matches(path)) && !staged.some(({ path }) => selection.matches(path))) {
        throw new DStoreError('PATH_UNKNOWN', `${argument}: no such file in the dataset or on disk`, { hint: 'see all changes with: dstore status' });
      }
    }
    const report = (path: string, state: string, isStaged: boolean, type: string | undefined): void => {
      run.report({
        type: 'result', action: 'status', status: 'ok', kind: type === 'dataset' ? 'dataset' : 'file', path: shownPath(dataset.prefix, path), dataset: dataset.top,
        details: { state, staged: isStaged, ...(type === undefined ? {} : { type }) },
      });
    };
    for (const { path, state } of staged) report(path, state, true, undefined);
    for (const { path, kind, type } of changes) report(path, kind, false, type);
    refreshIndex(dataset, refreshed.map(({ entry, stat }) => ({ path: entry.path, stat })));
    if (input.recursive !== true) return;
    for (const entry of index.entries) {
      if ((entry.mode & TYPE_MASK) !== SUBMODULE || !isInstalled(dataset.top, entry.path)) continue;
      if (!selection.matches(entry.path) && !selection.mayContain(entry.path)) continue;
      await status({ cwd: join(dataset.top, entry.path), recursive: true }, reportBelow(run, shownPath(dataset.prefix, entry.path)));
    }
  });
}

/** Differences between the last commit and the index. */
async function stagedChanges(dataset: Dataset, index: GitIndex, selection: PathSelection, run: Run): Promise<{ path: string; state: string }[]> {
  const { repo } = dataset;
  const tree = await repo.resolve('HEAD^{tree}', run);
  // The index knows the tree it was made from: the usual case costs nothing.
  if (tree !== undefined && index.treeOid() === tree) return [];
  const committed = new Map(tree === undefined ? [] : (await repo.listTree(tree, run)).map((file) => [file.path, file]));
  const staged: { path: string; state: string }[] = [];
  const conflicted = new Set<string>();
  for (const entry of index.entries) {
    if (!selection.matches(entry.path)) continue;
    if (entry.stage !== 0) {
      if (!conflicted.has(entry.path)) staged.push({ path: entry.path, state: 'conflict' });
      conflicted.add(entry.path);
      continue;
    }
    const before = committed.get(entry.path);
    if (before === undefined) staged.push({ path: entry.path, state: 'added' });
    else if (before.oid !== entry.oid || Number.parseInt(before.mode, 8) !== entry.mode) {
      staged.push({ path: entry.path, state: (Number.parseInt(before.mode, 8) & TYPE_MASK) === (entry.mode & TYPE_MASK) ? 'modified' : 'typechange' });
    }
  }
  for (const path of committed.keys()) {
    if (selection.matches(path) && index.get(path) === undefined && !conflicted.has(path)) staged.push({ path, state: 'deleted' });
  }
  return staged;
}

/** Looking is not changing: when the index is locked or read-only, the next look just costs the same again. */
function refreshIndex(dataset: Dataset, changes: Parameters<typeof tryUpdateIndex>[1]): void {
  try {
    tryUpdateIndex(dataset, changes);
  } catch (error) {
    if (!isDStoreError(error)) return;
  }
}
