import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isValidRefName } from '../../../src/git/ref-name.ts';
import { openRepository } from '../../../src/git/repository.ts';
import { git, isolate, sample } from './support.ts';

const place = isolate();

describe('names of references', () => {
  it('are valid when git says so', () => {
    const names = ['refs/heads/main', 'refs/heads/ö', 'refs/heads/a b', 'refs/heads/.a', 'refs/heads/a.lock', 'refs/heads/a..b', 'refs/heads/a/', 'refs//a',
      'refs/heads/a@{b', 'refs/heads/@', 'refs/heads/a.', 'refs/heads/a~1', 'refs/heads/a^', 'refs/heads/a:b', 'refs/heads/a?', 'refs/heads/a*', 'refs/heads/a[',
      'refs/heads/a\\b', 'refs/heads/-a', 'refs/heads/adjusted/main(unlocked)', 'refs/heads/a\u007f', 'refs/heads/lock', 'refs/heads/a.lock/b', 'refs/synced/x'];
    const character = fc.constantFrom('a', '.', '/', '@', '{', '~', '-', ' ', '(', 'ü', '*', 'lock');
    const random = fc.sample(fc.array(character, { maxLength: 6 }).map((parts) => `refs/heads/${parts.join('')}`), 40);
    for (const name of [...names, ...random]) {
      expect([name, isValidRefName(name)]).toEqual([name, spawnSync('git', ['check-ref-format', name]).status === 0]);
    }
  });
});

describe('references', () => {
  it('are read loose, packed, symbolic and in any mixture', () => {
    const top = sample(place.directory);
    git(top, 'branch', 'feature/x');
    git(top, 'pack-refs', '--all');
    git(top, 'branch', '-f', 'feature/x', 'HEAD~1');
    git(top, 'branch', 'later');
    git(top, 'symbolic-ref', 'refs/heads/alias', 'refs/heads/later');
    git(top, 'update-ref', 'refs/bisect/bad', 'HEAD');
    const repo = openRepository(top);
    const expected = git(top, 'for-each-ref', '--format=%(objectname) %(refname)').split('\n');
    expect([...repo.listRefs('refs/')].map(([name, oid]) => `${oid} ${name}`)).toEqual(expected);
    expect([...repo.listRefs('refs/heads/feature/').keys()]).toEqual(['refs/heads/feature/x']);
    expect([...repo.listRefs('refs/heads/fea').keys()]).toEqual(['refs/heads/feature/x']);
    expect(repo.readRef('refs/heads/feature/x')).toBe(git(top, 'rev-parse', 'HEAD~1'));
    expect(repo.readRef('refs/tags/v2')).toBe(git(top, 'rev-parse', 'v2'));
    expect(repo.readRef('refs/heads/absent')).toBeUndefined();
    expect(repo.readRef('refs/heads')).toBeUndefined();
    expect(repo.head()).toEqual({ branch: 'main', ref: 'refs/heads/main', oid: git(top, 'rev-parse', 'HEAD') });
    git(top, 'checkout', '-q', '--detach');
    expect(repo.head()).toEqual({ branch: undefined, ref: undefined, oid: git(top, 'rev-parse', 'HEAD') });
  });

  it('change all or none, compared with what is expected', () => {
    const top = sample(place.directory);
    const [head, older] = [git(top, 'rev-parse', 'HEAD'), git(top, 'rev-parse', 'HEAD~1')];
    git(top, 'branch', 'packed');
    git(top, 'pack-refs', '--all');
    const repo = openRepository(top);
    const conflict = (changes: Parameters<typeof repo.updateRefs>[0]): void => {
      const before = git(top, 'for-each-ref');
      expect(() => repo.updateRefs(changes, 'x')).toThrowError(expect.objectContaining({ code: 'CONFLICT' }));
      expect(git(top, 'for-each-ref')).toBe(before);
      expect(git(top, 'status', '--porcelain')).toBe('');
    };
    conflict([{ name: 'refs/heads/new', to: head, from: null }, { name: 'refs/heads/packed', to: older, from: older }]);
    conflict([{ name: 'refs/heads/packed', to: older, from: null }]);
    conflict([{ name: 'refs/heads/absent', to: undefined, from: head }]);
    conflict([{ name: 'refs/heads/packed/below', to: head }]);
    conflict([{ name: 'refs/heads/main/x', to: head }]);
    repo.updateRefs([{ name: 'refs/heads/a/b/c', to: head, from: null }], 'branch: made');
    conflict([{ name: 'refs/heads/a/b', to: head }]);
    repo.updateRefs([{ name: 'refs/heads/packed', to: older, from: head }, { name: 'refs/heads/a/b/c', to: undefined, from: head }, { name: 'refs/tags/v1', to: undefined }], 'several');
    expect(git(top, 'rev-parse', 'packed')).toBe(older);
    expect(git(top, 'tag').split('\n')).toEqual(['v2']);
    expect(git(top, 'rev-parse', 'v2^{}')).toBe(head);
    expect(existsSync(join(top, '.git/refs/heads/a'))).toBe(false);
    // A left-over directory is no obstacle, nor is one of reflogs.
    mkdirSync(join(top, '.git/refs/heads/dir/sub'), { recursive: true });
    repo.updateRefs([{ name: 'refs/heads/dir', to: head, from: null }], 'made');
    expect(git(top, 'rev-parse', 'dir')).toBe(head);
    expect(git(top, 'fsck', '--strict')).not.toMatch(/error/);
    for (const name of ['refs/heads/a..b', 'nonsense', 'refs/heads/x.lock']) expect(() => repo.updateRefs([{ name, to: head }], 'x')).toThrowError(/valid name/);
    expect(readdirSync(join(top, '.git')).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });

  it('leave the reflog lines that git leaves', () => {
    const top = sample(place.directory);
    const [head, older] = [git(top, 'rev-parse', 'HEAD'), git(top, 'rev-parse', 'HEAD~1')];
    const repo = openRepository(top);
    repo.updateRefs([{ name: 'refs/heads/main', to: older, from: head }], 'reset:  moving\nto older');
    repo.updateRefs([{ name: 'HEAD', to: head, from: older }], 'again');
    repo.updateRefs([{ name: 'refs/heads/side', to: head, from: null }, { name: 'refs/custom/x', to: head }], 'side');
    expect(git(top, 'log', '-g', '--format=%H %gs', 'main').split('\n').slice(0, 2)).toEqual([`${head} again`, `${older} reset: moving to older`]);
    expect(git(top, 'log', '-g', '--format=%H %gs', 'HEAD').split('\n').slice(0, 2)).toEqual([`${head} again`, `${older} reset: moving to older`]);
    expect(git(top, 'log', '-g', '--format=%gn %gs', 'side')).toBe('C Mitter side');
    expect(existsSync(join(top, '.git/logs/refs/custom/x'))).toBe(false);
    expect(git(top, 'rev-parse', 'main@{1}')).toBe(older);
    repo.updateRefs([{ name: 'refs/heads/side', to: undefined }], '');
    expect(existsSync(join(top, '.git/logs/refs/heads/side'))).toBe(false);
  });

  it('report damage', () => {
    const top = sample(place.directory);
    writeFileSync(join(top, '.git/refs/heads/torn'), '');
    const repo = openRepository(top);
    expect(() => repo.readRef('refs/heads/torn')).toThrowError(expect.objectContaining({ code: 'GIT_CORRUPT' }));
    expect(() => repo.updateRefs([{ name: 'refs/heads/torn', to: git(top, 'rev-parse', 'HEAD'), from: null }], '')).toThrowError(expect.objectContaining({ code: 'GIT_CORRUPT' }));
  });

  it('lose no update when several processes write at once', async () => {
    const top = sample(join(place.directory, 'repo'));
    const script = join(place.directory, 'writer.mjs');
    const source = join(place.directory, 'writer.ts');
    writeFileSync(source, `
      import { openRepository } from ${JSON.stringify(join(process.cwd(), 'src/git/repository.ts'))};
      const repo = openRepository(process.argv[2]);
      const op = { signal: new AbortController().signal, emit: () => {} };
      const who = { name: 'n', email: 'e', seconds: 1700000000, timezone: '+0000' };
      for (let done = 0; done < 10;) {
        const from = repo.readRef('refs/heads/counter');
        const writer = repo.writer();
        const commit = writer.commit({ tree: writer.tree([]), parents: from === undefined ? [] : [from], author: who, committer: who, message: process.argv[3] + ' ' + done + '\\n' });
        await writer.flush();
        try {
          repo.updateRefs([{ name: 'refs/heads/counter', to: commit, from: from ?? null }], 'count');
          done += 1;
        } catch (error) {
          if (error.code !== 'CONFLICT' && error.code !== 'LOCKED') throw error;
        }
      }
    `);
    buildSync({
      entryPoints: [source], outfile: script, bundle: true, platform: 'node', format: 'esm', external: ['koffi', 'isomorphic-git'], logLevel: 'error',
      absWorkingDir: process.cwd(), banner: { js: "import { createRequire as __c } from 'node:module'; const require = __c(import.meta.url);" },
    });
    symlinkSync(join(process.cwd(), 'node_modules'), join(place.directory, 'node_modules'));
    const statuses = await Promise.all([1, 2, 3].map((number) => new Promise<number | null>((resolve) => {
      spawn(process.execPath, [script, top, String(number)], { stdio: ['ignore', 'ignore', 'inherit'] }).on('close', resolve);
    })));
    expect(statuses).toEqual([0, 0, 0]);
    expect(git(top, 'rev-list', '--count', 'counter')).toBe('30');
    expect(git(top, 'log', '-g', '--format=%H', 'counter').split('\n')).toHaveLength(30);
    expect(readdirSync(join(top, '.git/refs/heads')).filter((name) => name.endsWith('.lock'))).toEqual([]);
    expect(readFileSync(join(top, '.git/refs/heads/counter'), 'utf8').trim()).toBe(git(top, 'rev-parse', 'counter'));
  }, 60_000);
});
