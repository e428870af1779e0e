import { chmodSync, lstatSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quietOp } from '../../../src/core/op.ts';
import { entryStat, GitIndex, indexEntry, writeTreeFromIndex } from '../../../src/git/git-index.ts';
import { parseIndex, printIndex } from '../../../src/git/index-format.ts';
import { openRepository } from '../../../src/git/repository.ts';
import { age, git, gitInput, isolate, sample, write } from './support.ts';

const place = isolate();
const op = quietOp();
const OID = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

/** `git ls-files -s --debug` says everything that an index holds about its entries. */
const listing = (directory: string): string => git(directory, 'ls-files', '-s', '--debug');

describe('index', () => {
  it('reads versions 2, 3 and 4 and writes what git lists identically', () => {
    const top = sample(place.directory);
    write(top, 'intent', 'x');
    git(top, 'update-index', '--skip-worktree', 'a.txt');
    git(top, 'update-index', '--assume-unchanged', 'sub/b.txt');
    git(top, 'add', '-N', 'intent');
    for (const version of ['2', '4']) {
      git(top, 'update-index', '--index-version', version);
      const before = listing(top);
      const flags = git(top, 'ls-files', '-v');
      const { entries, tree } = parseIndex(readFileSync(join(top, '.git/index')));
      writeFileSync(join(top, '.git/index'), printIndex(entries, tree));
      expect(listing(top)).toBe(before);
      expect(git(top, 'ls-files', '-v')).toBe(flags);
      expect(git(top, 'fsck', '--strict')).not.toMatch(/error/);
    }
  });

  it('makes a clean status that git does not need to write again', async () => {
    git(place.directory, 'init', '-q');
    const repo = openRepository(place.directory);
    write(place.directory, 'dir/plain', 'content\n');
    write(place.directory, 'dir/script', '#!/bin/sh\n');
    chmodSync(join(place.directory, 'dir/script'), 0o755);
    symlinkSync('../target', join(place.directory, 'dir/link'));
    write(place.directory, 'dir.x', 'sorts between\n');
    const writer = repo.writer();
    const lock = repo.lockIndex();
    for (const [path, mode, content] of [['dir/plain', 0o100644, 'content\n'], ['dir/script', 0o100755, '#!/bin/sh\n'], ['dir/link', 0o120000, '../target'], ['dir.x', 0o100644, 'sorts between\n']] as const) {
      age(join(place.directory, path));
      lock.index.set(indexEntry(path, mode, writer.blob(content), entryStat(lstatSync(join(place.directory, path), { bigint: true }))));
    }
    const tree = await writeTreeFromIndex(lock.index, undefined, repo, writer, op);
    await writer.flush();
    lock.commit();
    expect(git(place.directory, 'write-tree')).toBe(tree);
    const bytes = readFileSync(join(place.directory, '.git/index'));
    expect(git(place.directory, 'status', '--porcelain')).toBe('A  dir.x\nA  dir/link\nA  dir/plain\nA  dir/script');
    expect(readFileSync(join(place.directory, '.git/index')).equals(bytes)).toBe(true);
    expect(repo.readIndex().treeOid()).toBe(tree);
    expect(git(place.directory, 'fsck', '--strict', '--no-dangling')).not.toMatch(/error|missing/);
    await repo.close();
  });

  it('keeps the cache tree valid through changes, as git write-tree agrees', async () => {
    const top = sample(place.directory);
    git(top, 'write-tree');
    const repo = openRepository(top);
    const writer = repo.writer();
    const lock = repo.lockIndex();
    lock.index.set(indexEntry('sub/new/file', 0o100644, writer.blob('n'), undefined));
    lock.index.delete('sub/deep/c.bin');
    // A file in the place of a directory and the reverse.
    lock.index.set(indexEntry('a.txt/below', 0o100644, writer.blob('below'), undefined));
    await writer.flush();
    lock.commit();
    expect(git(top, 'ls-files').split('\n')).toEqual(['a.txt/below', 'sub/b.txt', 'sub/new/file', '"\\303\\274n\\303\\257 \\303\\247ode"']);
    const again = repo.lockIndex();
    const ours = await writeTreeFromIndex(again.index, undefined, repo, writer, op);
    await writer.flush();
    again.rollback();
    expect(git(top, 'write-tree')).toBe(ours);
    await repo.close();
  });

  it('does not trust trees that are gone', async () => {
    const top = sample(place.directory);
    const repo = openRepository(top);
    const lock = repo.lockIndex();
    const gone = git(top, 'rev-parse', 'HEAD:sub');
    lock.index.set(indexEntry('z', 0o100644, OID, undefined));
    rmSync(join(top, '.git/objects', gone.slice(0, 2), gone.slice(2)));
    const writer = repo.writer();
    writer.blob('');
    const tree = await writeTreeFromIndex(lock.index, undefined, repo, writer, op);
    await writer.flush();
    lock.rollback();
    expect(git(top, 'ls-tree', '-r', '--name-only', tree)).toContain('sub/b.txt');
    await repo.close();
  });

  it('tells clean files from changed and from doubtful ones', () => {
    const top = sample(place.directory);
    age(join(top, 'a.txt'));
    git(top, 'update-index', '--refresh');
    const repo = openRepository(top);
    const stat = (path: string) => entryStat(lstatSync(join(top, path), { bigint: true }));
    const clean = (path: string): boolean => {
      const index = repo.readIndex();
      const entry = index.get(path);
      return entry !== undefined && index.isClean(entry, stat(path));
    };
    expect(clean('a.txt')).toBe(true);
    // As new as the index: not proven.
    const index = statSync(join(top, '.git/index'));
    utimesSync(join(top, 'sub/b.txt'), index.mtime, index.mtime);
    git(top, 'update-index', '--refresh');
    utimesSync(join(top, '.git/index'), index.mtime, index.mtime);
    expect(clean('sub/b.txt')).toBe(false);
    chmodSync(join(top, 'a.txt'), 0o755);
    expect(clean('a.txt')).toBe(false);
    chmodSync(join(top, 'a.txt'), 0o644);
    write(top, 'a.txt', 'other\n');
    expect(clean('a.txt')).toBe(false);
  });

  it('does not hide a change made in the second of the previous index', () => {
    const top = sample(place.directory);
    const repo = openRepository(top);
    // Same size, same second: only the doubt about times can find it.
    const entry = repo.readIndex().get('sub/b.txt');
    write(top, 'sub/b.txt', 'X\n');
    utimesSync(join(top, 'sub/b.txt'), entry?.mtimeSeconds ?? 0, entry?.mtimeSeconds ?? 0);
    utimesSync(join(top, '.git/index'), entry?.mtimeSeconds ?? 0, entry?.mtimeSeconds ?? 0);
    const lock = repo.lockIndex();
    lock.index.set(indexEntry('other', 0o100644, OID, undefined));
    lock.commit();
    utimesSync(join(top, '.git/index'), (entry?.mtimeSeconds ?? 0) + 100, (entry?.mtimeSeconds ?? 0) + 100);
    expect(git(top, 'status', '--porcelain', '--', 'sub')).toBe(' M sub/b.txt');
  });

  it('carries names that are not UTF-8 through unchanged', () => {
    const top = place.directory;
    git(top, 'init', '-q');
    const blob = gitInput(top, 'x', 'hash-object', '-w', '--stdin');
    const input = Buffer.concat([Buffer.from(`100644 ${blob}\tlat`), Buffer.from([0xe9, 0xff]), Buffer.from(`in\0`), Buffer.from(`100644 ${blob}\tü\0`)]);
    gitInput(top, input as unknown as string, 'update-index', '-z', '--index-info');
    const before = git(top, 'ls-files', '-s');
    const repo = openRepository(top);
    const lock = repo.lockIndex();
    lock.index.set(indexEntry('z', 0o100644, blob, undefined));
    lock.commit();
    expect(git(top, 'ls-files', '-s')).toContain(before.split('\n')[0]);
    expect(before).toContain('"lat\\351\\377in"');
  });

  it('holds index.lock, writes nothing on rollback and says who is in the way', () => {
    const top = sample(place.directory);
    const repo = openRepository(top);
    const before = readFileSync(join(top, '.git/index'));
    const lock = repo.lockIndex();
    expect(() => git(top, 'add', '.')).toThrowError(/index\.lock/);
    expect(() => openRepository(top).lockIndex({ waitMilliseconds: 0 })).toThrowError(expect.objectContaining({ code: 'LOCKED' }));
    lock.index.delete('a.txt');
    lock.rollback();
    expect(readFileSync(join(top, '.git/index')).equals(before)).toBe(true);
    expect(readdirSync(join(top, '.git'))).not.toContain('index.lock');
  });

  it('refuses damaged, split and sparse indexes', () => {
    const top = sample(place.directory);
    const repo = openRepository(top);
    const bytes = readFileSync(join(top, '.git/index'));
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    writeFileSync(join(top, '.git/index'), bytes);
    expect(() => repo.readIndex()).toThrowError(expect.objectContaining({ code: 'GIT_CORRUPT' }));
    rmSync(join(top, '.git/index'));
    git(top, 'read-tree', 'HEAD');
    git(top, 'update-index', '--split-index');
    expect(() => repo.readIndex()).toThrowError(expect.objectContaining({ code: 'GIT_UNSUPPORTED', hint: expect.stringContaining('--no-split-index') as string }));
    git(top, 'update-index', '--no-split-index');
    git(top, 'sparse-checkout', 'set', '--cone', '--sparse-index', 'nothing');
    expect(() => repo.readIndex()).toThrowError(expect.objectContaining({ code: 'GIT_UNSUPPORTED' }));
  });

  it('shows conflict stages and refuses to make a tree of them', async () => {
    const top = place.directory;
    git(top, 'init', '-q');
    gitInput(top, [1, 2, 3].map((stage) => `100644 ${OID} ${stage}\tboth\n`).join(''), 'update-index', '--index-info');
    const repo = openRepository(top);
    const index = repo.readIndex();
    expect(index.entries.map(({ path, stage }) => [path, stage])).toEqual([['both', 1], ['both', 2], ['both', 3]]);
    expect(index.get('both')).toBeUndefined();
    await expect(writeTreeFromIndex(index, undefined, repo, repo.writer(), op)).rejects.toMatchObject({ code: 'CONFLICT' });
    index.set(indexEntry('both', 0o100644, OID, undefined));
    expect(index.entries).toHaveLength(1);
  });

  it('sorts like git whatever the names', () => {
    const name = fc.stringMatching(/^[a-c.ü\u{1f600}-]{1,3}(?:\/[a-c.\uffee]{1,2})?$/u).filter((path) => !path.split('/').some((part) => /^\.+$/.test(part) || part === ''));
    const top = place.directory;
    git(top, 'init', '-q');
    fc.assert(fc.property(fc.uniqueArray(name, { maxLength: 12 }), (paths) => {
      const index = new GitIndex();
      for (const path of paths) index.set(indexEntry(path, 0o100644, OID, undefined));
      writeFileSync(join(top, '.git/index'), index.serialize(undefined));
      const listed = git(top, 'ls-files', '-z').split('\0').filter((path) => path !== '');
      expect(index.entries.map(({ path }) => path)).toEqual(listed);
      expect(git(top, 'ls-files', '--unmerged')).toBe('');
    }), { numRuns: 15 });
  });
});
