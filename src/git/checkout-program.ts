/** Moving the work tree to another commit with the git program. */
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { gitError, refuseOption, runGit } from './program.ts';

export function programCheckout(source: { readonly worktree: string | undefined }): (commit: string, op: Op) => Promise<void> {
  return async (commit, op) => {
    refuseOption(commit, 'a commit');
    if (source.worktree === undefined) throw new DStoreError('UNSUPPORTED', 'a bare repository has no work tree');
    const result = await runGit(['checkout', '--quiet', '--detach', commit], { cwd: source.worktree, op });
    if (result.status === 0) return;
    if (/would be overwritten by checkout/.test(result.stderr)) {
      throw new DStoreError('MODIFIED', `cannot check out ${commit}: unsaved changes would be overwritten`, { hint: 'dstore save' });
    }
    throw gitError(result, `cannot check out ${commit}`);
  };
}
