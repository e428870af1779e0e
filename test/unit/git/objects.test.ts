import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quietOp } from '../../../src/core/op.ts';
import { identity } from '../../../src/git/objects.ts';
import type { GitObject } from '../../../src/git/objects.ts';
import { initRepository, openRepository } from '../../../src/git/repository.ts';
import type { GitRepository } from '../../../src/git/repository.ts';
import { BACKENDS, git, gitInput, isolate, sample, useBackend, write } from './support.ts';

const place = isolate();
const op = quietOp();

async function readAll(repo: GitRepository, oids: readonly string[]): Promise<Map<string, GitObject | undefined>> {
  const found = new Map<string, GitObject | undefined>();
  await repo.readObjects(oids, (oid, object) => found.set(oid, object), op);
  return found;
}

describe('writing objects', () => {
  it.each([3, 99, 100, 3000])('%i objects are what git has, loose or as one pack', async (count) => {
    const repo = initRepository(place.directory, {});
    const writer = repo.writer();
    const oids = Array.from({ length: count }, (_, index) => writer.blob(index % 7 === 0 ? Buffer.alloc(index * 3, index) : `object ${index}\n`));
    const unique = new Set(oids).size;
    expect(writer.count).toBe(unique);
    const tree = writer.tree(oids.map((oid, index) => ({ mode: '100644', name: `f${index}`, oid })));
    const who = identity(repo.config, 'author');
    const commit = writer.commit({ tree, parents: [], author: who, committer: identity(repo.config), message: 'subject\n\nbody\n' });
    expect(repo.hasObjects([commit]).size).toBe(0);
    await writer.flush();
    expect(repo.hasObjects([commit, tree]).size).toBe(2);
    repo.updateRefs([{ name: 'refs/heads/main', to: commit, from: null }], 'commit (initial): subject');
    expect(git(place.directory, 'fsck', '--strict', '--full')).toBe('');
    const packs = readdirSync(join(place.directory, '.git/objects/pack')).sort();
    expect(packs.length).toBe(unique + 2 < 100 ? 0 : 2);
    if (packs[0] !== undefined) git(place.directory, 'verify-pack', join(place.directory, '.git/objects/pack', packs[0]));
    expect(git(place.directory, 'log', '-1', '--format=%an <%ae> %cn %s')).toBe('A Uthor <author@example.org> C Mitter subject');
    expect(git(place.directory, 'cat-file', 'blob', `main:f1`)).toBe('object 1');
    await repo.close();
  });

  it('stores a large file in pieces, once', async () => {
    const repo = initRepository(place.directory, {});
    const content = Buffer.alloc(9 * 1024 * 1024 + 5);
    for (let at = 0; at < content.length; at += 4) content.writeUInt32LE((at * 2654435761) >>> (at % 3 === 0 ? 0 : 16), Math.min(at, content.length - 4));
    const file = write(place.directory, 'large', content);
    const writer = repo.writer();
    const first = writer.blob('before');
    const oid = writer.blobFile(file);
    expect(writer.blobFile(file)).toBe(oid);
    const last = writer.blob('after');
    await writer.flush();
    expect(git(place.directory, 'hash-object', 'large')).toBe(oid);
    expect(git(place.directory, 'fsck', '--strict', '--full', '--no-dangling')).toBe('');
    expect((await readAll(repo, [oid])).get(oid)?.data.equals(content)).toBe(true);
    expect(repo.hasObjects([first, last]).size).toBe(2);
    await repo.close();
  });

  it('leaves nothing of what is discarded, and the writer goes on', async () => {
    const repo = initRepository(place.directory, {});
    const writer = repo.writer();
    for (let index = 0; index < 200; index += 1) writer.blob(String(index));
    writer.discard();
    expect(readdirSync(join(place.directory, '.git/objects/pack'))).toEqual([]);
    const oid = writer.blob('kept');
    await writer.flush();
    expect(git(place.directory, 'cat-file', 'blob', oid)).toBe('kept');
    await repo.close();
  });

  it('replaces a torn loose object', async () => {
    const repo = initRepository(place.directory, {});
    const oid = gitInput(place.directory, 'content', 'hash-object', '-w', '--stdin');
    const path = join(place.directory, '.git/objects', oid.slice(0, 2), oid.slice(2));
    chmodSync(path, 0o644);
    writeFileSync(path, '');
    const writer = repo.writer();
    writer.blob('content');
    await writer.flush();
    expect(git(place.directory, 'cat-file', 'blob', oid)).toBe('content');
    await repo.close();
  });

  it('gives a shared repository group permissions', async () => {
    const repo = initRepository(join(place.directory, 'bare'), { bare: true, shared: 'group' });
    expect(repo.shared).toBe('group');
    const writer = repo.writer();
    writer.blob('x');
    await writer.flush();
    expect(git(join(place.directory, 'bare'), 'config', 'core.sharedRepository')).toBe('1');
    expect(git(join(place.directory, 'bare'), 'config', 'receive.denyNonFastforwards')).toBe('true');
    await repo.close();
  });

  it('asks for a name where none is configured', () => {
    const { GIT_COMMITTER_NAME } = process.env;
    delete process.env['GIT_COMMITTER_NAME'];
    try {
      expect(() => identity(initRepository(place.directory, {}).config)).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    } finally {
      process.env['GIT_COMMITTER_NAME'] = GIT_COMMITTER_NAME;
    }
  });

  it.each(['1700000000 +0230', '2024-05-01T12:00:00+0200', '2024-05-01T12:00:00Z', 'Wed, 1 May 2024 12:00:00 -0500'])('takes the date %s as git does', async (date) => {
    process.env['GIT_COMMITTER_DATE'] = date;
    try {
      const repo = initRepository(place.directory, {});
      const { seconds, timezone } = identity(repo.config);
      git(place.directory, 'commit', '--allow-empty', '-qm', 'x');
      expect(`${seconds} ${timezone}`).toBe(git(place.directory, 'log', '-1', '--format=%cd', '--date=raw'));
    } finally {
      delete process.env['GIT_COMMITTER_DATE'];
    }
  });
});

describe.each(BACKENDS)('reading objects with the %s backend', (backend) => {
  it('gives loose, packed and deltified objects byte for byte, and undefined for absent ones', async () => {
    const top = sample(place.directory);
    const text = Array.from({ length: 500 }, (_, index) => `line ${index} ${'x'.repeat(index % 50)}\n`);
    for (let version = 0; version < 10; version += 1) {
      text[version * 7] = `changed ${version}\n`;
      write(top, 'long.txt', text.join(''));
      git(top, 'add', '.');
      git(top, 'commit', '-qm', `v${version}`);
    }
    git(top, 'repack', '-adq', '--depth=20', '--window=20');
    write(top, 'loose', 'loose\n');
    git(top, 'add', 'loose');
    const all = git(top, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype) %(objectsize)').split('\n').map((line) => line.split(' '));
    useBackend(backend);
    const repo = openRepository(top);
    expect(repo.program).toBe(backend === 'program');
    const absent = 'f'.repeat(40);
    const found = await readAll(repo, [...all.map(([oid]) => oid ?? ''), absent]);
    for (const [oid, type, size] of all) {
      const object = found.get(oid ?? '');
      expect([object?.type, object?.data.length]).toEqual([type, Number(size)]);
      expect(gitInput(top, object?.data as unknown as string, 'hash-object', '-t', type ?? '', '--stdin')).toBe(oid);
    }
    expect(found.has(absent)).toBe(true);
    expect(found.get(absent)).toBeUndefined();
    // What is written and repacked while the repository is open is seen.
    const later = gitInput(top, 'later', 'hash-object', '-w', '--stdin');
    git(top, 'repack', '-adq');
    expect((await readAll(repo, [later, all[0]?.[0] ?? ''])).size).toBe(2);
    await repo.close();
  });

  it('reports damage and never calls it absent', async () => {
    const top = sample(place.directory);
    const oid = git(top, 'rev-parse', 'HEAD:a.txt');
    const path = join(top, '.git/objects', oid.slice(0, 2), oid.slice(2));
    chmodSync(path, 0o644);
    writeFileSync(path, readFileSync(path).subarray(0, 10));
    useBackend(backend);
    const repo = openRepository(top);
    await expect(readAll(repo, [oid])).rejects.toMatchObject({ code: 'GIT_CORRUPT' });
    // The reader works after a failure.
    const other = git(top, 'rev-parse', 'HEAD:sub/b.txt');
    expect((await readAll(repo, [other])).get(other)?.data.toString()).toBe('b\n');
    await repo.close();
  });

  it('reports a damaged pack', async () => {
    const top = sample(place.directory);
    git(top, 'repack', '-adq');
    const pack = readdirSync(join(top, '.git/objects/pack')).find((name) => name.endsWith('.pack')) ?? '';
    const path = join(top, '.git/objects/pack', pack);
    const bytes = readFileSync(path);
    bytes.fill(0x55, 12, bytes.length - 20);
    chmodSync(path, 0o644);
    writeFileSync(path, bytes);
    useBackend(backend);
    const repo = openRepository(top);
    await expect(readAll(repo, [git(top, 'rev-parse', 'main')])).rejects.toMatchObject({ code: 'GIT_CORRUPT' });
    await repo.close();
  });

  it('sees objects of alternates', async () => {
    const top = sample(join(place.directory, 'origin'));
    git(place.directory, 'clone', '-q', '--shared', 'origin', 'borrower');
    useBackend(backend);
    const repo = openRepository(join(place.directory, 'borrower'));
    const oid = git(top, 'rev-parse', 'HEAD');
    expect((await readAll(repo, [oid])).get(oid)?.type).toBe('commit');
    expect(repo.hasObjects([oid]).size).toBe(1);
    await repo.close();
  });

  it('answers several calls at once and many oids', async () => {
    const top = sample(place.directory);
    useBackend(backend);
    const repo = openRepository(top);
    const writer = repo.writer();
    const oids = Array.from({ length: 5000 }, (_, index) => writer.blob(`number ${index}`));
    await writer.flush();
    const results = await Promise.all([readAll(repo, oids), readAll(repo, oids.slice(0, 10)), readAll(repo, [])]);
    expect(results.map((map) => map.size)).toEqual([5000, 10, 0]);
    const abort = new AbortController();
    abort.abort();
    await expect(repo.readObjects(oids, () => {}, { signal: abort.signal, emit: () => {} })).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await readAll(repo, oids.slice(0, 3))).size).toBe(3);
    await repo.close();
  });
});

describe.each(BACKENDS)('trees with the %s backend', (backend) => {
  it('lists, compares and reads as git does', async () => {
    const top = sample(place.directory);
    git(top, 'rm', '-q', 'sub/deep/c.bin');
    write(top, 'sub/deep', 'now a file\n');
    write(top, 'sub.x/y', 'y\n');
    chmodSync(join(top, 'a.txt'), 0o755);
    git(top, 'add', '.');
    git(top, 'commit', '-qm', 'third');
    useBackend(backend);
    const repo = openRepository(top);
    const head = repo.head().oid ?? '';
    const lines = (await repo.listTree(head, op)).map(({ path, mode, oid }) => `${mode} ${oid}\t${path}`);
    expect(lines).toEqual(git(top, '-c', 'core.quotePath=false', 'ls-tree', '-r', 'HEAD').split('\n').map((line) => line.replace(/ (?:blob|commit) /, ' ')));
    expect((await repo.listTree(head, op, 'sub')).map(({ path }) => path)).toEqual(['sub/b.txt', 'sub/deep']);
    expect((await repo.listTree(head, op, 'sub/b.txt')).map(({ path }) => path)).toEqual(['sub/b.txt']);
    expect(await repo.listTree(head, op, 'absent/x')).toEqual([]);
    const changes = await repo.diffTrees(git(top, 'rev-parse', 'main~1'), head, op);
    expect(changes.map(({ path, from, to }) => `${from?.mode ?? '000000'} ${to?.mode ?? '000000'} ${path}`))
      .toEqual(git(top, '-c', 'core.quotePath=false', 'diff-tree', '-r', '--no-renames', 'main~1', 'main').split('\n').map((line) => line.replace(/^:(\d+) (\d+) \S+ \S+ .\t/, '$1 $2 ')));
    expect(await repo.diffTrees(undefined, head, op)).toHaveLength(lines.length);
    expect(await repo.diffTrees(head, undefined, op)).toHaveLength(lines.length);
    const read = await repo.readPaths(head, ['a.txt', 'sub/b.txt', 'sub', 'sub/deep/c.bin', 'nope', 'ünï çode'], op);
    expect([...read.keys()].sort()).toEqual(['a.txt', 'sub/b.txt', 'ünï çode']);
    expect(read.get('sub/b.txt')?.data.toString()).toBe('b\n');
    expect((await repo.readPaths(undefined, ['a'], op)).size).toBe(0);
    await repo.close();
  });

  it('edits trees as git update-index and write-tree would', async () => {
    git(place.directory, 'init', '-q');
    useBackend(backend);
    const repo = openRepository(place.directory);
    const path = fc.stringMatching(/^[ab](?:\/[ab.]c?){0,2}$/).filter((text) => !text.split('/').includes('.'));
    await fc.assert(fc.asyncProperty(fc.uniqueArray(path, { maxLength: 6 }), fc.uniqueArray(path, { maxLength: 4 }), fc.uniqueArray(path, { maxLength: 4 }), async (start, add, remove) => {
      const noCollision = (paths: string[]): string[] => paths.filter((one) => !paths.some((two) => two.startsWith(`${one}/`)));
      const writer = repo.writer();
      const blob = writer.blob('x');
      const base = await repo.editTree(undefined, new Map(noCollision(start).map((name) => [name, { mode: '100644', oid: blob }])), writer, op);
      await writer.flush();
      const added = noCollision(add);
      const changes = new Map<string, { mode: string; oid: string } | undefined>();
      for (const name of remove) if (!added.some((other) => other === name || other.startsWith(`${name}/`) || name.startsWith(`${other}/`))) changes.set(name, undefined);
      for (const name of added) changes.set(name, { mode: '100755', oid: blob });
      const edited = await repo.editTree(base, changes, writer, op);
      await writer.flush();
      git(place.directory, 'read-tree', base);
      for (const [name, change] of changes) if (change === undefined) git(place.directory, 'update-index', '--force-remove', name);
      for (const name of added) git(place.directory, 'update-index', '--replace', '--add', '--cacheinfo', `100755,${blob},${name}`);
      expect(edited).toBe(git(place.directory, 'write-tree'));
    }), { numRuns: 12 });
    await repo.close();
  });

  it('fails when a tree it needs is gone', async () => {
    const top = sample(place.directory);
    const tree = git(top, 'rev-parse', 'HEAD:sub');
    rmSync(join(top, '.git/objects', tree.slice(0, 2), tree.slice(2)));
    useBackend(backend);
    const repo = openRepository(top);
    await expect(repo.readPaths(repo.head().oid, ['sub/b.txt'], op)).rejects.toMatchObject({ code: 'GIT_CORRUPT' });
    await repo.close();
  });
});
