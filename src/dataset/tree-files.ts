/** Annexed files of a commit, whatever the work tree or index say. */
import type { KeyText } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import { DStoreError } from '../core/errors.ts';
import type { TreeFile } from '../git/objects.ts';
import type { Dataset } from './dataset.ts';

export async function filesOfTree(dataset: Dataset, revision: string, op: Op): Promise<{ path: string; key: KeyText }[]> {
  const tree = await dataset.repo.resolve(`${revision}^{tree}`, op);
  if (tree === undefined) throw new DStoreError('USAGE', `${revision}: no such commit`, { hint: 'see the history with: dstore log' });
  const files = (await listFiles(dataset, tree, op)).filter(({ mode }) => mode !== '160000');
  await dataset.keys.learn(files.map(({ oid, mode }) => ({ oid, symlink: mode === '120000' })), op);
  const found: { path: string; key: KeyText }[] = [];
  for (const { path, oid, mode } of files) {
    const key = dataset.keys.get(oid, mode === '120000');
    if (key !== undefined) found.push({ path, key });
  }
  return found;
}

/** The index mostly holds the same files as the last commit, knows so, and is quicker read than trees. */
async function listFiles(dataset: Dataset, tree: string, op: Op): Promise<TreeFile[]> {
  const index = dataset.repo.readIndex();
  if (index.treeOid() !== tree) return await dataset.repo.listTree(tree, op);
  return index.entries.map(({ path, mode, oid }) => ({ path, mode: mode.toString(8).padStart(6, '0'), oid }));
}
