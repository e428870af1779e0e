/** Making a repository, as `git init` does (gitrepository-layout(5)), without sample hooks. */
import { accessSync, chmodSync, constants, existsSync, lstatSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { SharedMode } from '../io/durable.ts';
import { makeDirectory } from '../io/durable.ts';
import { loadUserConfig } from './config.ts';
import { isGitDir } from './discovery.ts';
import { isValidRefName } from './ref-name.ts';

export interface InitOptions {
  readonly bare?: boolean;
  /** Default: init.defaultBranch, or `main`. */
  readonly initialBranch?: string;
  readonly shared?: SharedMode;
}

const DESCRIPTION = "Unnamed repository; edit this file 'description' to name the repository.\n";
const EXCLUDE = '# git ls-files --others --exclude-from=.git/info/exclude\n# Lines that start with \'#\' are comments.\n';

/** Makes a new repository and gives its git directory. @throws ALREADY_EXISTS, PERMISSION, IO */
export function createRepository(path: string, options: InitOptions): string {
  const top = resolve(path);
  const gitDir = options.bare === true ? top : join(top, '.git');
  const shared = options.shared ?? 'private';
  const branch = options.initialBranch ?? loadUserConfig().get('init.defaultBranch') ?? 'main';
  if (!isValidRefName(`refs/heads/${branch}`)) throw new DStoreError('GIT', `${JSON.stringify(branch)} is no valid name of a branch`);
  if (isGitDir(gitDir) || (options.bare !== true && existsSync(gitDir))) {
    throw new DStoreError('ALREADY_EXISTS', `${top} is a git repository already`);
  }
  try {
    for (const directory of ['branches', 'hooks', 'info', 'objects/info', 'objects/pack', 'refs/heads', 'refs/tags']) {
      makeDirectory(join(gitDir, directory), shared);
    }
    const mode = shared === 'all' ? 0o664 : shared === 'group' ? 0o660 : undefined;
    const write = (name: string, content: string): void => {
      const file = join(gitDir, name);
      if (!existsSync(file)) writeFileSync(file, content);
      if (mode !== undefined) chmodSync(file, mode);
    };
    write('description', DESCRIPTION);
    write('info/exclude', EXCLUDE);
    write('config', configuration(gitDir, options.bare === true, shared));
    // Last, because it is what makes the directory a repository.
    write('HEAD', `ref: refs/heads/${branch}\n`);
  } catch (error) {
    throw toDStoreError(error, `cannot create a git repository in ${top}`);
  }
  return gitDir;
}

function configuration(gitDir: string, bare: boolean, shared: SharedMode): string {
  const lines = ['[core]', '\trepositoryformatversion = 0', `\tfilemode = ${keepsModes(gitDir)}`, `\tbare = ${bare}`];
  if (!bare) lines.push('\tlogallrefupdates = true');
  if (!hasSymlinks(gitDir)) lines.push('\tsymlinks = false');
  if (ignoresCase(gitDir)) lines.push('\tignorecase = true');
  if (process.platform === 'darwin') lines.push('\tprecomposeunicode = true');
  if (shared !== 'private') {
    lines.push(`\tsharedrepository = ${shared === 'group' ? 1 : 2}`, '[receive]', '\tdenyNonFastforwards = true');
  }
  return `${lines.join('\n')}\n`;
}

function keepsModes(gitDir: string): boolean {
  const probe = join(gitDir, 'hooks/.mode-probe');
  writeFileSync(probe, '');
  try {
    chmodSync(probe, 0o744);
    const on = (statSync(probe).mode & 0o100) !== 0;
    chmodSync(probe, 0o644);
    return on && (statSync(probe).mode & 0o100) === 0;
  } finally {
    rmSync(probe, { force: true });
  }
}

function hasSymlinks(gitDir: string): boolean {
  const probe = join(gitDir, 'hooks/.link-probe');
  try {
    symlinkSync('target', probe);
    return lstatSync(probe).isSymbolicLink();
  } catch {
    return false;
  } finally {
    rmSync(probe, { force: true });
  }
}

function ignoresCase(gitDir: string): boolean {
  try {
    accessSync(join(gitDir, 'InFo'), constants.F_OK);
    return true;
  } catch {
    return false;
  }
}
