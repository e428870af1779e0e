/** Temporary places and the git program as judge, apart from the user's own configuration. */
import { execFileSync } from 'node:child_process';
import { lstatSync, lutimesSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { GitRepository } from '../../../src/git/repository.ts';

const saved = { ...process.env };

/** A directory per test, and an environment in which git behaves the same everywhere. */
export function isolate(): { directory: string } {
  const place = { directory: '' };
  let root = '';
  let count = 0;
  beforeAll(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'dstore-git-')));
    for (const name of Object.keys(process.env)) if (name.startsWith('GIT_') || name === 'DSTORE_GIT') delete process.env[name];
    Object.assign(process.env, {
      HOME: root, XDG_CONFIG_HOME: join(root, 'xdg'), GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'A Uthor', GIT_AUTHOR_EMAIL: 'author@example.org', GIT_COMMITTER_NAME: 'C Mitter', GIT_COMMITTER_EMAIL: 'committer@example.org',
    });
    writeFileSync(join(root, '.gitconfig'), '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n');
  });
  beforeEach(() => {
    delete process.env['DSTORE_GIT'];
    place.directory = join(root, `t${++count}`);
    mkdirSync(place.directory);
  });
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
    process.env = saved;
  });
  return place;
}

export function git(directory: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 }).replace(/\n$/, '');
}

export function gitInput(directory: string, input: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd: directory, encoding: 'utf8', input }).replace(/\n$/, '');
}

export function write(directory: string, path: string, content: string | Uint8Array): string {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** Old enough that no index written now can take a file for one that changed in the same second. */
export function age(path: string): void {
  if (lstatSync(path).isSymbolicLink()) lutimesSync(path, 1_600_000_000, 1_600_000_000);
  else utimesSync(path, 1_600_000_000, 1_600_000_000);
}

/** A repository made by git with some commits. */
export function sample(directory: string): string {
  mkdirSync(directory, { recursive: true });
  git(directory, 'init', '-q');
  write(directory, 'a.txt', 'one\ntwo\nthree\nfour\nfive\n');
  write(directory, 'sub/b.txt', 'b\n');
  write(directory, 'sub/deep/c.bin', Buffer.from([0, 1, 2, 10, 255]));
  write(directory, 'ünï çode', 'x\n');
  git(directory, 'add', '.');
  git(directory, 'commit', '-qm', 'first');
  write(directory, 'a.txt', 'one\ntwo\nTHREE\nfour\nfive\n');
  git(directory, 'commit', '-qam', 'second');
  git(directory, 'tag', 'v1');
  git(directory, 'tag', '-am', 'annotated', 'v2');
  return directory;
}

/** Everything that a failed operation has to leave alone. */
export function snapshot(repo: GitRepository): string {
  const top = repo.worktree ?? repo.gitDir;
  const files = readdirSync(top, { recursive: true }).map(String).filter((path) => !path.startsWith('.git')).sort();
  return [git(top, 'ls-files', '-s'), git(top, 'rev-parse', 'HEAD'), git(top, 'status', '--porcelain'), ...files].join('\n');
}

/** Both ways in which a repository can be served. */
export const BACKENDS = ['program', 'own'] as const;

export function useBackend(backend: (typeof BACKENDS)[number]): void {
  if (backend === 'own') process.env['DSTORE_GIT'] = 'none';
  else delete process.env['DSTORE_GIT'];
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
