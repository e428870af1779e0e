/** Takes changes from where the dataset came from: history, location log, and the branch merged. */
import { join } from 'node:path';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import { annexedFiles, shownPath } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { refuseAdjustedBranch } from '../dataset/dataset.ts';
import { withChanges } from '../dataset/unfinished.ts';
import { isInstalled, reportBelow } from '../dataset/nested.ts';
import { enableSpecialRemotes } from '../dataset/clone-dataset.ts';
import { fillUnlocked } from './get.ts';
import type { UpdateInput } from '../core/inputs.ts';

export async function update(input: UpdateInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    refuseAdjustedBranch(dataset.repo, 'update');
    const remotes = remotesToAsk(dataset, input.from);
    let fetched = 0;
    for (const remote of remotes) {
      try {
        run.emit({ type: 'phase', name: `asking ${remote}` });
        if (input.dryRun !== true) await dataset.repo.fetch(remote, [`+refs/heads/*:refs/remotes/${remote}/*`], run);
        fetched++;
      } catch (error) {
        if (!isDStoreError(error) || error.code === 'ABORTED') throw error;
        report(dataset, run, { status: 'error', remote, error: error.toInfo() });
      }
    }
    if (fetched === 0) return;
    if (input.dryRun === true) {
      for (const remote of remotes) report(dataset, run, { status: 'ok', remote, dryRun: true, message: `would take changes from ${remote}` });
      return;
    }
    const log = await dataset.branch.mergeRefs(run);
    await enableSpecialRemotes(dataset, run);
    await mergeBranches(dataset, remotes, log, run);
    const files = await annexedFiles(dataset, dataset.repo.readIndex().entries, run);
    await fillUnlocked(dataset, files.filter(({ locked }) => !locked), run);
    if (input.recursive === true) {
      for (const entry of dataset.repo.readIndex().entries) {
        if ((entry.mode & 0o170000) === 0o160000 && isInstalled(dataset.top, entry.path)) await update({ cwd: join(dataset.top, entry.path), recursive: true }, reportBelow(run, shownPath(dataset.prefix, entry.path)));
      }
    }
  });
}

function remotesToAsk(dataset: Dataset, from: string | undefined): string[] {
  const { config } = dataset.repo;
  const all = config.sections('remote').filter((name) => config.get(`remote.${name}.url`) !== undefined && config.getBoolean(`remote.${name}.skipfetchall`) !== true);
  if (from !== undefined) {
    if (all.includes(from)) return [from];
    throw new DStoreError('REMOTE_UNKNOWN', `${from}: no such remote`, { hint: 'see the remotes with: dstore remote list' });
  }
  const { branch } = dataset.repo.head();
  const followed = branch === undefined ? undefined : config.get(`branch.${branch}.remote`);
  if (followed !== undefined && all.includes(followed)) return [followed];
  if (all.length > 0) return all;
  throw new DStoreError('USAGE', 'this dataset has no remote to take changes from', { hint: 'publish it first: dstore push --to STORE' });
}

async function mergeBranches(dataset: Dataset, remotes: readonly string[], log: boolean, run: Run): Promise<void> {
  const { repo } = dataset;
  const { branch } = repo.head();
  if (branch === undefined) {
    report(dataset, run, { status: 'notneeded', message: `fetched${log ? ', location log merged' : ''}; HEAD is not on a branch, so nothing was merged` });
    return;
  }
  // `synced/` is where git-annex puts what it pushes to a repository with a work tree.
  const candidates = [...remotes.flatMap((remote) => [`refs/remotes/${remote}/${branch}`, `refs/remotes/${remote}/synced/${branch}`]), `refs/heads/synced/${branch}`];
  for (const ref of candidates) {
    const commit = repo.readRef(ref);
    if (commit === undefined || commit === repo.head().oid) continue;
    const name = ref.replace(/^refs\/(remotes|heads)\//, '');
    const { status, conflicts } = await repo.merge(commit, `Merge ${name}`, run);
    if (status === 'conflict') {
      throw new DStoreError('CONFLICT', `cannot join ${name} with your changes: both changed ${(conflicts ?? []).slice(0, 5).join(', ')}; nothing was merged`, {
        hint: `merge by hand: git merge ${name}`,
      });
    }
    if (status !== 'uptodate') report(dataset, run, { status: 'ok', message: `${status === 'fast-forward' ? 'took' : 'merged'} ${name}`, commit: repo.head().oid });
  }
  if (log) report(dataset, run, { status: 'ok', message: 'merged the location log' });
  else report(dataset, run, { status: 'notneeded', message: 'up to date' });
}

function report(dataset: Dataset, run: Run, result: { status: 'ok' | 'notneeded' | 'error'; message?: string; remote?: string; commit?: string | undefined; dryRun?: boolean; error?: { code: string; message: string } }): void {
  const { commit, ...rest } = result;
  run.report({ type: 'result', action: 'update', kind: 'dataset', dataset: dataset.top, path: '.', ...rest, ...(commit === undefined ? {} : { details: { commit } }) });
}
