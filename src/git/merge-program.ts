/** Merging with the git program, with the user's merge drivers, filters and hooks. */
import { DStoreError } from '../core/errors.ts';
import type { Merger } from './merge.ts';
import { gitError, gitOutput, refuseOption, runGit } from './program.ts';

export interface MergeSource {
  readonly worktree: string | undefined;
  readonly gitDir: string;
  head(): { readonly oid: string | undefined };
  resolve(revision: string, op: Parameters<Merger>[2]): Promise<string | undefined>;
}

export function programMerger(source: MergeSource): Merger {
  return async (commit, message, op) => {
    refuseOption(commit, 'a commit');
    const cwd = source.worktree;
    if (cwd === undefined) throw new DStoreError('UNSUPPORTED', 'a bare repository has no checked-out branch to merge into');
    const before = source.head().oid;
    const result = await runGit(['merge', '--quiet', '--no-edit', '--no-autostash', '-m', message, commit], { cwd, op });
    const after = source.head().oid;
    if (result.status === 0) {
      if (after === before) return { status: 'uptodate' };
      return { status: before === undefined || after === await source.resolve(`${commit}^{commit}`, op) ? 'fast-forward' : 'merged' };
    }
    const output = `${result.stdout.toString()}\n${result.stderr}`;
    const unmerged = await gitOutput(['diff', '--name-only', '--diff-filter=U', '-z'], { cwd, op }, 'cannot list conflicts');
    const conflicts = unmerged.toString().split('\0').filter((path) => path !== '');
    if (conflicts.length > 0) {
      await gitOutput(['merge', '--abort'], { cwd, op }, 'cannot undo the merge');
      return { status: 'conflict', conflicts };
    }
    if (/would be overwritten by merge|not uptodate|have unmerged files|contains intent-to-add/i.test(output)) {
      const paths = [...output.matchAll(/^\t(.+)$/gm)].map((match) => match[1]).slice(0, 5).join(', ');
      throw new DStoreError('MODIFIED', `cannot merge: unsaved changes${paths === '' ? '' : ` in ${paths}`} would be overwritten`, {
        hint: 'dstore save',
      });
    }
    throw gitError({ status: result.status, stderr: output }, `cannot merge ${commit}`);
  };
}
