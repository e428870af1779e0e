/** Finding the repository that a directory belongs to, as git does (gitrepository-layout(5), git(1)). */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { scanConfig } from './config-text.ts';

export interface RepositoryPlace {
  /** Top of the work tree; undefined for a bare repository and inside a git directory. */
  readonly worktree: string | undefined;
  /** HEAD, index and per-worktree references. */
  readonly gitDir: string;
  /** Objects, configuration and shared references; the same as `gitDir` except in linked work trees. */
  readonly commonDir: string;
  readonly bare: boolean;
}

/** @throws NOT_A_DATASET, GIT_UNSUPPORTED, PERMISSION, IO */
export function findRepository(start: string): RepositoryPlace {
  const from = resolve(start);
  const ceilings = (process.env['GIT_CEILING_DIRECTORIES'] ?? '').split(':').filter((path) => path !== '');
  const device = deviceOf(from);
  for (let directory = from; ;) {
    const place = repositoryAt(directory);
    if (place !== undefined) return place;
    const parent = dirname(directory);
    const crosses = process.env['GIT_DISCOVERY_ACROSS_FILESYSTEM'] === undefined && deviceOf(parent) !== device;
    if (parent === directory || ceilings.includes(parent) || crosses) break;
    directory = parent;
  }
  throw new DStoreError('NOT_A_DATASET', `${from} is not in a dataset or git repository`, { hint: 'dstore create, or: dstore clone URL' });
}

/** The repository whose work tree top or git directory this is; undefined when it is neither. */
export function repositoryAt(directory: string): RepositoryPlace | undefined {
  const dotGit = join(directory, '.git');
  const gitDir = resolveDotGit(dotGit);
  if (gitDir !== undefined) return describe(gitDir, directory);
  return isGitDir(directory) ? describe(directory, undefined) : undefined;
}

function deviceOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.dev;
  } catch {
    return undefined;
  }
}

/** The git directory that a `.git` directory, symbolic link or file means. */
function resolveDotGit(path: string): string | undefined {
  let text: string;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (stat.isDirectory()) {
      const real = realpathSync(path);
      const inPlace = join(realpathSync(dirname(path)), '.git');
      return isGitDir(real) ? (real === inPlace ? path : real) : undefined;
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR' || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw toDStoreError(error, `cannot read ${path}`);
  }
  const target = /^gitdir: (.*?)[\r\n]*$/s.exec(text)?.[1];
  if (target === undefined) throw new DStoreError('GIT_CORRUPT', `${path} does not name a git directory`);
  const gitDir = resolve(dirname(path), target);
  if (!isGitDir(gitDir)) throw new DStoreError('NOT_A_DATASET', `${path} names ${gitDir}, which is no git repository`, {
    hint: 'git worktree repair, or: git submodule update --init',
  });
  return realpathSync(gitDir);
}

/** git's own test: a HEAD, and objects and refs here or in the common directory. */
export function isGitDir(directory: string): boolean {
  try {
    const head = readFileSync(join(directory, 'HEAD'), 'utf8');
    if (!/^(?:ref:\s*refs\/|[0-9a-f]{40})/.test(head)) return false;
    const common = commonDirOf(directory);
    return statSync(join(common, 'objects')).isDirectory() && statSync(join(common, 'refs')).isDirectory();
  } catch {
    return false;
  }
}

function commonDirOf(gitDir: string): string {
  try {
    const target = readFileSync(join(gitDir, 'commondir'), 'utf8').replace(/[\r\n]+$/, '');
    return isAbsolute(target) ? target : resolve(gitDir, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return gitDir;
    throw toDStoreError(error, `cannot read ${gitDir}/commondir`);
  }
}

const KNOWN_EXTENSIONS = new Set(['noop', 'noop-v1', 'preciousobjects', 'partialclone', 'worktreeconfig', 'objectformat', 'refstorage', 'relativeworktrees']);

function describe(gitDir: string, worktreeTop: string | undefined): RepositoryPlace {
  const commonDir = commonDirOf(gitDir);
  const linked = commonDir !== gitDir;
  const settings = new Map<string, string>();
  for (const file of [join(commonDir, 'config'), join(gitDir, 'config.worktree')]) {
    if (file.endsWith('.worktree') && !/^(?:true|yes|on|1)$/i.test(settings.get('extensions.worktreeconfig') ?? '')) continue;
    for (const [name, value] of readSettings(file)) {
      // What the shared configuration says about its work tree is meant for the main one.
      if (linked && !file.endsWith('.worktree') && (name === 'core.bare' || name === 'core.worktree')) continue;
      settings.set(name, value);
    }
  }
  refuseUnknownFormat(gitDir, settings);
  const bare = /^(?:true|yes|on|1)$/i.test(settings.get('core.bare') ?? 'false');
  const configured = settings.get('core.worktree');
  let worktree = worktreeTop;
  // Started inside a git directory there is no work tree, unless one is configured.
  if (bare) worktree = undefined;
  else if (configured !== undefined) {
    const target = resolve(realpathSync(gitDir), configured);
    worktree = worktreeTop !== undefined && sameDirectory(target, worktreeTop) ? worktreeTop : target;
  }
  return { worktree, gitDir, commonDir, bare };
}

function sameDirectory(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}

function readSettings(file: string): [string, string][] {
  try {
    return scanConfig(readFileSync(file, 'utf8'), file).items.map(({ name, value }) => [name, value]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw toDStoreError(error, `cannot read ${file}`);
  }
}

function refuseUnknownFormat(gitDir: string, settings: ReadonlyMap<string, string>): void {
  const version = Number(settings.get('core.repositoryformatversion') ?? '0');
  const refuse = (what: string, hint?: string): never => {
    throw new DStoreError('GIT_UNSUPPORTED', `${gitDir} uses ${what}, which this program cannot work with`, { hint });
  };
  if (version === 0) return;
  if (version !== 1) refuse(`git repository format ${version}`);
  for (const [name, value] of settings) {
    if (!name.startsWith('extensions.')) continue;
    const extension = name.slice('extensions.'.length);
    if (!KNOWN_EXTENSIONS.has(extension)) refuse(`the git extension ${extension}`);
    if (extension === 'objectformat' && value.toLowerCase() !== 'sha1') refuse(`${value} object names`);
    if (extension === 'refstorage' && value.toLowerCase() !== 'files') refuse(`the reference storage ${value}`, 'git refs migrate --ref-format=files');
  }
}
