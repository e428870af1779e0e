/** The `.git` of submodules and linked work trees. */
import { lstatSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { editConfig } from '../git/config.ts';
import type { GitRepository } from '../git/repository.ts';

/**
 * Links of locked files lead through `.git/annex`, so a `.git` file (submodule, linked worktree) becomes a symlink to the directory it
 * names, and a worktree's git directory gets a link to the shared annex, as git-annex does.
 */
export function linkGitFile(repo: GitRepository): void {
  if (repo.worktree === undefined) return;
  const dotGit = join(repo.worktree, '.git');
  const stat = lstatSync(dotGit, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (repo.gitDir !== repo.commonDir) {
    const annex = join(repo.gitDir, 'annex');
    if (lstatSync(annex, { throwIfNoEntry: false }) === undefined) symlinkSync(relative(repo.gitDir, join(repo.commonDir, 'annex')), annex);
  }
  if (!stat.isFile()) return;
  const temporary = `${dotGit}.dstore-link`;
  rmSync(temporary, { force: true });
  symlinkSync(relative(repo.worktree, repo.gitDir), temporary);
  renameSync(temporary, dotGit);
  if (repo.config.get('core.worktree') !== undefined) editConfig(join(repo.gitDir, 'config'), [{ name: 'core.worktree', value: undefined }]);
}
