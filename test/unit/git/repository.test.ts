import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quietOp } from '../../../src/core/op.ts';
import { indexEntry } from '../../../src/git/git-index.ts';
import { cloneRepository, initRepository, openRepository } from '../../../src/git/repository.ts';
import { BACKENDS, collect, git, isolate, sample, snapshot, useBackend, write } from './support.ts';

const place = isolate();
const op = quietOp();

describe('opening', () => {
  it('finds the repository from below, inside and beside', () => {
    const top = sample(join(place.directory, 'repo'));
    expect(openRepository(join(top, 'sub/deep'))).toMatchObject({ worktree: top, gitDir: join(top, '.git'), commonDir: join(top, '.git'), bare: false });
    expect(openRepository(join(top, '.git/refs'))).toMatchObject({ worktree: undefined, gitDir: join(top, '.git') });
    git(place.directory, 'clone', '-q', '--bare', 'repo', 'bare');
    expect(openRepository(join(place.directory, 'bare'))).toMatchObject({ worktree: undefined, gitDir: join(place.directory, 'bare'), bare: true });
    mkdirSync(join(place.directory, 'none'));
    expect(() => openRepository(join(place.directory, 'none'))).toThrowError(expect.objectContaining({ code: 'NOT_A_DATASET' }));
    process.env['GIT_DIR'] = '/nonexistent';
    try {
      expect(openRepository(top).worktree).toBe(top);
    } finally {
      delete process.env['GIT_DIR'];
    }
  });

  it('refuses formats that it does not know', () => {
    const top = sample(join(place.directory, 'repo'));
    for (const [name, value] of [['extensions.refStorage', 'reftable'], ['extensions.objectFormat', 'sha256'], ['extensions.somethingNew', 'true']] as const) {
      writeFileSync(join(top, '.git/config'), `[core]\n\trepositoryformatversion = 1\n[extensions]\n\t${name.slice(11)} = ${value}\n`);
      expect(() => openRepository(top), name).toThrowError(expect.objectContaining({ code: 'GIT_UNSUPPORTED' }));
    }
    writeFileSync(join(top, '.git/config'), '[core]\n\trepositoryformatversion = 2\n');
    expect(() => openRepository(top)).toThrowError(expect.objectContaining({ code: 'GIT_UNSUPPORTED' }));
  });
});

describe('init', () => {
  it('makes what git init makes, but for sample hooks', () => {
    const [ours, theirs] = [join(place.directory, 'ours'), join(place.directory, 'theirs')];
    initRepository(ours, {});
    git(place.directory, 'init', '-q', theirs);
    const tree = (top: string): string[] => readdirSync(join(top, '.git'), { recursive: true }).map(String).filter((path) => !path.endsWith('.sample')).sort();
    expect(tree(ours)).toEqual(tree(theirs));
    expect(readFileSync(join(ours, '.git/config'), 'utf8')).toBe(readFileSync(join(theirs, '.git/config'), 'utf8'));
    expect(readFileSync(join(ours, '.git/HEAD'), 'utf8')).toBe(readFileSync(join(theirs, '.git/HEAD'), 'utf8'));
    expect(git(ours, 'status', '--porcelain')).toBe('');
    expect(git(ours, 'fsck')).not.toMatch(/error/);
    expect(() => initRepository(ours, {})).toThrowError(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
    const bare = initRepository(join(place.directory, 'bare.git'), { bare: true, initialBranch: 'trunk' });
    expect(bare).toMatchObject({ bare: true, worktree: undefined });
    expect(git(bare.gitDir, 'symbolic-ref', 'HEAD')).toBe('refs/heads/trunk');
  });
});

describe.each(BACKENDS)('unusual places with the %s backend', (backend) => {
  const work = async (directory: string, common: string): Promise<void> => {
    useBackend(backend);
    const repo = openRepository(directory);
    expect(repo.worktree).toBe(directory);
    const { oid, branch } = repo.head();
    const lock = repo.lockIndex();
    const writer = repo.writer();
    lock.index.set(indexEntry('added', 0o100644, writer.blob('added\n'), undefined));
    const tree = writer.tree([]);
    const who = { name: 'n', email: 'e', seconds: 1700000000, timezone: '+0000' };
    const commit = writer.commit({ tree, parents: oid === undefined ? [] : [oid], author: who, committer: who, message: 'm\n' });
    await writer.flush();
    lock.commit();
    repo.updateRefs([{ name: 'refs/heads/shared', to: commit, from: null }, { name: 'refs/worktree/own', to: commit }], 'x');
    useBackend('program');
    expect(git(directory, 'status', '--porcelain', 'added')).toBe('AD added');
    expect(git(directory, 'rev-parse', 'shared', 'refs/worktree/own')).toBe(`${commit}\n${commit}`);
    expect(repo.config.get('core.repositoryformatversion')).toBe('0');
    expect(branch).toBe(git(directory, 'branch', '--show-current') || undefined);
    expect(existsSync(join(common, 'refs/heads/shared'))).toBe(true);
    useBackend(backend);
    expect((await repo.listTree(oid ?? '', op)).length).toBe(4);
    expect(await repo.resolve('shared', op)).toBe(commit);
    await repo.close();
  };

  it('works in a linked work tree, and in one whose .git file became a link', async () => {
    const top = sample(join(place.directory, 'main'));
    git(top, 'worktree', 'add', '-q', '../linked', '-b', 'linked');
    const linked = join(place.directory, 'linked');
    await work(linked, join(top, '.git'));
    expect(existsSync(join(top, '.git/index.lock'))).toBe(false);
    expect(git(top, 'status', '--porcelain')).toBe('');
    expect(existsSync(join(top, '.git/worktrees/linked/refs/worktree/own'))).toBe(true);
    git(top, 'update-ref', '-d', 'refs/heads/shared');
    git(linked, 'update-ref', '-d', 'refs/worktree/own');
    git(linked, 'rm', '-q', '--cached', 'added');
    rmSync(join(linked, '.git'));
    symlinkSync('../main/.git/worktrees/linked', join(linked, '.git'));
    await work(linked, join(top, '.git'));
  });

  it('works in a submodule, also after its .git file became a link', async () => {
    sample(join(place.directory, 'library'));
    const top = sample(join(place.directory, 'super'));
    git(top, 'submodule', '--quiet', 'add', '../library', 'lib');
    git(top, 'commit', '-qm', 'submodule');
    const library = join(top, 'lib');
    await work(library, join(top, '.git/modules/lib'));
    git(library, 'update-ref', '-d', 'refs/heads/shared');
    git(library, 'update-ref', '-d', 'refs/worktree/own');
    git(library, 'rm', '-q', '--cached', 'added');
    rmSync(join(library, '.git'));
    symlinkSync('../.git/modules/lib', join(library, '.git'));
    git(library, 'config', '--unset', 'core.worktree');
    await work(library, join(top, '.git/modules/lib'));
    useBackend(backend);
    const outer = openRepository(top);
    expect((await outer.listTree(outer.head().oid ?? '', op)).find(({ path }) => path === 'lib')?.mode).toBe('160000');
    await outer.close();
  });

  it('works with a separate git directory', async () => {
    const top = sample(join(place.directory, 'tree'));
    git(top, 'init', '-q', '--separate-git-dir', '../separate');
    await work(top, join(place.directory, 'separate'));
  });
});

describe.each(BACKENDS)('history with the %s backend', (backend) => {
  it('answers as git does', async () => {
    const top = sample(place.directory);
    git(top, 'checkout', '-q', '-b', 'side', 'HEAD~1');
    for (let index = 0; index < 4; index += 1) {
      process.env['GIT_COMMITTER_DATE'] = `${1_700_000_000 + index * 1000} +0000`;
      write(top, `side${index % 2}`, `${index}\n`);
      git(top, 'add', '.');
      git(top, 'commit', '-qm', `side ${index}\n\nbody`);
    }
    delete process.env['GIT_COMMITTER_DATE'];
    git(top, 'checkout', '-q', 'main');
    git(top, 'merge', '-q', '--no-edit', 'side');
    git(top, 'checkout', '-q', '--orphan', 'lonely');
    git(top, 'commit', '-qm', 'lonely');
    git(top, 'checkout', '-q', 'main');
    git(top, 'repack', '-adq');
    useBackend(backend);
    const repo = openRepository(top);
    const rev = (name: string): string => git(top, 'rev-parse', name);
    for (const name of ['HEAD', 'main', 'v1', 'v2', 'v2^{}', 'v2^{commit}', 'main~1', 'main^2', 'main^2~2', 'HEAD^{tree}', 'main:sub', 'main:a.txt', 'main:', 'side^0', '@', rev('main').slice(0, 8), rev('main')]) {
      expect([name, await repo.resolve(name, op)]).toEqual([name, rev(name)]);
    }
    for (const name of ['absent', 'main~99', 'main:absent', 'refs/heads/absent', 'ffffffff']) expect([name, await repo.resolve(name, op)]).toEqual([name, undefined]);
    expect(await repo.mergeBase(rev('side'), rev('main'), op)).toBe(rev('side'));
    expect(await repo.mergeBase(rev('side'), rev('v1^{}'), op)).toBe(git(top, 'merge-base', 'side', 'v1'));
    expect(await repo.mergeBase(rev('lonely'), rev('main'), op)).toBeUndefined();
    expect([await repo.isAncestor(rev('side'), rev('main'), op), await repo.isAncestor(rev('main'), rev('side'), op), await repo.isAncestor(rev('lonely'), rev('main'), op)])
      .toEqual([true, false, false]);
    const oids = async (options: { count?: number; paths?: string[] }): Promise<string> => (await collect(repo.log('main', options, op))).map(({ oid }) => oid).join('\n');
    expect(await oids({})).toBe(git(top, 'rev-list', 'main'));
    expect(await oids({ count: 3 })).toBe(git(top, 'rev-list', '-3', 'main'));
    expect(await oids({ paths: ['side1'] })).toBe(git(top, 'rev-list', 'main', '--', 'side1'));
    expect(await oids({ paths: ['a.txt'] })).toBe(git(top, 'rev-list', 'main', '--', 'a.txt'));
    expect(await oids({ paths: ['sub', 'side0'] })).toBe(git(top, 'rev-list', 'main', '--', 'sub', 'side0'));
    const [last] = await collect(repo.log('side', { count: 1 }, op));
    expect(last).toMatchObject({ subject: 'side 3', message: 'side 3\n\nbody\n', author: { name: 'A Uthor' }, committer: { date: '2023-11-14T23:03:20+00:00' } });
    await repo.close();
  });
});

describe.each(BACKENDS)('merging with the %s backend', (backend) => {
  const diverged = (ours: (top: string) => void, theirs: (top: string) => void): string => {
    const top = sample(place.directory);
    git(top, 'checkout', '-q', '-b', 'theirs');
    theirs(top);
    git(top, 'add', '-A');
    git(top, 'commit', '-qm', 'theirs');
    git(top, 'checkout', '-q', 'main');
    ours(top);
    git(top, 'add', '-A');
    git(top, 'commit', '-q', '--allow-empty', '-m', 'ours');
    return top;
  };

  it('joins files, lines, modes and removals, and leaves a clean status', async () => {
    const top = diverged((at) => {
      write(at, 'a.txt', 'ONE\ntwo\nTHREE\nfour\nfive\n');
      write(at, 'ours/new', 'x\n');
    }, (at) => {
      write(at, 'a.txt', 'one\ntwo\nTHREE\nfour\nFIVE\nsix\n');
      rmSync(join(at, 'sub/deep'), { recursive: true });
      write(at, 'theirs/new', 'y\n');
      symlinkSync('target', join(at, 'theirs/link'));
      renameSync(join(at, 'sub/b.txt'), join(at, 'script'));
    });
    git(top, 'checkout', '-q', '-b', 'judge');
    git(top, 'merge', '-q', '--no-edit', 'theirs');
    git(top, 'checkout', '-q', 'main');
    useBackend(backend);
    const repo = openRepository(top);
    expect(await repo.merge('theirs', 'joined', op)).toEqual({ status: 'merged' });
    expect(git(top, 'rev-parse', 'main^{tree}')).toBe(git(top, 'rev-parse', 'judge^{tree}'));
    expect(git(top, 'log', '-1', '--format=%s %P')).toBe(`joined ${git(top, 'rev-parse', 'main^1')} ${git(top, 'rev-parse', 'theirs')}`);
    expect(git(top, 'status', '--porcelain')).toBe('');
    expect(readFileSync(join(top, 'a.txt'), 'utf8')).toBe('ONE\ntwo\nTHREE\nfour\nFIVE\nsix\n');
    expect(await repo.merge('theirs', 'again', op)).toEqual({ status: 'uptodate' });
    await repo.close();
  });

  it.each([
    ['lines', (at: string): void => void write(at, 'a.txt', 'ours\n'), (at: string): void => void write(at, 'a.txt', 'theirs\n'), ['a.txt']],
    ['an addition', (at: string): void => void write(at, 'new', 'ours\n'), (at: string): void => void write(at, 'new', 'theirs\n'), ['new']],
    ['a removal', (at: string): void => rmSync(join(at, 'a.txt')), (at: string): void => void write(at, 'a.txt', 'theirs\n'), ['a.txt']],
    ['links', (at: string): void => symlinkSync('ours', join(at, 'l')), (at: string): void => symlinkSync('theirs', join(at, 'l')), ['l']],
  ])('leaves everything as it was on a conflict of %s', async (_, ours, theirs, conflicts) => {
    const top = diverged(ours, theirs);
    useBackend(backend);
    const repo = openRepository(top);
    const before = snapshot(repo);
    expect(await repo.merge('theirs', 'm', op)).toEqual({ status: 'conflict', conflicts });
    expect(snapshot(repo)).toBe(before);
    expect(existsSync(join(top, '.git/MERGE_HEAD'))).toBe(false);
    await repo.close();
  });

  it('fast-forwards, and refuses to overwrite unsaved changes and untracked files', async () => {
    const top = sample(place.directory);
    git(top, 'checkout', '-q', '-b', 'ahead');
    write(top, 'a.txt', 'changed\n');
    write(top, 'untracked', 'theirs\n');
    git(top, 'add', '.');
    git(top, 'commit', '-qm', 'ahead');
    git(top, 'checkout', '-q', 'main');
    useBackend(backend);
    const repo = openRepository(top);
    write(top, 'a.txt', 'mine\n');
    await expect(repo.merge('ahead', 'm', op)).rejects.toMatchObject({ code: 'MODIFIED' });
    expect(readFileSync(join(top, 'a.txt'), 'utf8')).toBe('mine\n');
    git(top, 'checkout', '-q', 'a.txt');
    write(top, 'untracked', 'mine\n');
    await expect(repo.merge('ahead', 'm', op)).rejects.toMatchObject({ code: 'MODIFIED' });
    expect(readFileSync(join(top, 'untracked'), 'utf8')).toBe('mine\n');
    rmSync(join(top, 'untracked'));
    write(top, 'sub/b.txt', 'unrelated change stays\n');
    expect(await repo.merge('ahead', 'm', op)).toEqual({ status: 'fast-forward' });
    expect(git(top, 'status', '--porcelain')).toBe(' M sub/b.txt');
    expect(git(top, 'rev-parse', 'HEAD')).toBe(git(top, 'rev-parse', 'ahead'));
    await repo.checkoutCommit(git(top, 'rev-parse', 'v1^{}'), op);
    expect(repo.head()).toEqual({ branch: undefined, ref: undefined, oid: git(top, 'rev-parse', 'v1^{}') });
    expect(git(top, 'status', '--porcelain')).toBe(' M sub/b.txt');
    expect(existsSync(join(top, 'untracked'))).toBe(false);
    await repo.close();
  });

  it('does not write through a link that leads elsewhere', async () => {
    const top = sample(place.directory);
    git(top, 'checkout', '-q', '-b', 'ahead');
    write(top, 'trap/file', 'x\n');
    git(top, 'add', '.');
    git(top, 'commit', '-qm', 'ahead');
    git(top, 'checkout', '-q', 'main');
    mkdirSync(join(place.directory, '../outside'), { recursive: true });
    symlinkSync('../outside', join(top, 'trap'));
    useBackend(backend);
    const repo = openRepository(top);
    await expect(repo.merge('ahead', 'm', op)).rejects.toMatchObject({ code: 'MODIFIED' });
    expect(readdirSync(join(place.directory, '../outside'))).toEqual([]);
    await repo.close();
  });
});

describe.each(BACKENDS)('exchange with the %s backend', (backend) => {
  it('clones what git clones', async () => {
    const origin = sample(join(place.directory, 'origin'));
    git(origin, 'branch', 'git-annex');
    git(origin, 'branch', 'other', 'HEAD~1');
    git(origin, 'repack', '-adq');
    write(origin, 'loose', 'x\n');
    git(origin, 'add', '.');
    git(origin, 'commit', '-qm', 'loose');
    git(place.directory, 'clone', '-q', 'origin', 'theirs');
    useBackend(backend);
    const ours = join(place.directory, 'ours');
    const repo = await cloneRepository(origin, ours, { checkout: true, config: { 'annex.private': 'yes' }, op });
    const refs = (top: string): string => git(top, 'for-each-ref', '--format=%(refname) %(objectname) %(symref)');
    expect(refs(ours)).toBe(refs(join(place.directory, 'theirs')));
    expect(git(ours, 'status', '--porcelain', '--branch')).toBe('## main...origin/main');
    expect(git(ours, 'config', 'remote.origin.url')).toBe(origin);
    expect(git(ours, 'config', 'annex.private')).toBe('yes');
    expect(git(ours, 'fsck', '--strict')).not.toMatch(/error|missing/);
    expect(readFileSync(join(ours, 'ünï çode'), 'utf8')).toBe('x\n');
    await repo.close();
    const branch = await cloneRepository(`file://${origin}`, join(place.directory, 'branch'), { branch: 'other', checkout: false, op });
    expect(branch.head().branch).toBe('other');
    expect(readdirSync(join(place.directory, 'branch'))).toEqual(['.git']);
    await branch.close();
  });

  it('clones an empty repository', async () => {
    git(place.directory, 'init', '-q', '--bare', '-b', 'trunk', 'empty');
    useBackend(backend);
    const repo = await cloneRepository(join(place.directory, 'empty'), join(place.directory, 'c'), { checkout: true, op });
    expect(repo.head()).toEqual({ branch: 'trunk', ref: 'refs/heads/trunk', oid: undefined });
    await repo.close();
  });

  it('leaves nothing of a failed clone, and what was there', async () => {
    useBackend(backend);
    const target = join(place.directory, 'target');
    await expect(cloneRepository(join(place.directory, 'absent'), target, { checkout: true, op })).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    expect(existsSync(target)).toBe(false);
    const origin = sample(join(place.directory, 'origin'));
    await expect(cloneRepository(origin, target, { branch: 'absent', checkout: true, op })).rejects.toThrowError(/absent/);
    expect(existsSync(target)).toBe(false);
    write(target, 'precious', 'x');
    await expect(cloneRepository(origin, target, { checkout: true, op })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(readdirSync(target)).toEqual(['precious']);
    await expect(cloneRepository('--upload-pack=x', target, { checkout: true, op })).rejects.toMatchObject({ code: 'URL_INVALID' });
  });

  it('fetches by configuration, by name and by refspec', async () => {
    const origin = sample(join(place.directory, 'origin'));
    git(place.directory, 'clone', '-q', 'origin', 'clone');
    const top = join(place.directory, 'clone');
    write(origin, 'more', 'x\n');
    git(origin, 'add', '.');
    git(origin, 'commit', '-qm', 'more');
    git(origin, 'tag', 'v3');
    git(origin, 'branch', 'git-annex');
    useBackend(backend);
    const repo = openRepository(top);
    expect(await repo.listRemoteRefs('origin', op)).toEqual(new Map(git(origin, 'show-ref', '--head').split('\n').map((line) => [line.slice(41), line.slice(0, 40)])));
    await repo.fetch('origin', ['git-annex'], op);
    expect(repo.readRef('refs/remotes/origin/git-annex')).toBe(git(origin, 'rev-parse', 'git-annex'));
    await repo.fetch('origin', [], op);
    expect(repo.readRef('refs/remotes/origin/main')).toBe(git(origin, 'rev-parse', 'main'));
    expect(repo.readRef('refs/tags/v3')).toBe(git(origin, 'rev-parse', 'v3'));
    await repo.fetch(origin, ['+refs/heads/main:refs/heads/copy'], op);
    expect(repo.readRef('refs/heads/copy')).toBe(git(origin, 'rev-parse', 'main'));
    git(origin, 'commit', '-q', '--amend', '-m', 'rewritten');
    await repo.fetch('origin', [], op);
    expect(repo.readRef('refs/remotes/origin/main')).toBe(git(origin, 'rev-parse', 'main'));
    await expect(repo.fetch('origin', ['refs/heads/main:refs/heads/copy'], op)).rejects.toThrowError();
    expect(repo.readRef('refs/heads/copy')).not.toBe(git(origin, 'rev-parse', 'main'));
    expect(git(top, 'fsck', '--strict')).not.toMatch(/error|missing/);
    await expect(repo.fetch(join(place.directory, 'absent'), ['main'], op)).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    await expect(repo.fetch('--upload-pack=x', [], op)).rejects.toMatchObject({ code: 'URL_INVALID' });
    await expect(repo.fetch('origin', ['absent'], op)).rejects.toThrowError(/absent/);
    await repo.close();
  });

  it('pushes and says per reference what happened', async () => {
    const seed = sample(join(place.directory, 'seed'));
    git(place.directory, 'clone', '-q', '--bare', 'seed', 'origin.git');
    const origin = join(place.directory, 'origin.git');
    git(place.directory, 'clone', '-q', 'origin.git', 'clone');
    const top = join(place.directory, 'clone');
    git(seed, 'commit', '-q', '--allow-empty', '-m', 'elsewhere');
    git(seed, 'push', '-q', origin, 'HEAD:refs/heads/contested');
    write(top, 'mine', 'x\n');
    git(top, 'add', '.');
    git(top, 'commit', '-qm', 'mine');
    useBackend(backend);
    const repo = openRepository(top);
    const status = async (...refspecs: string[]): Promise<[string, string][]> => (await repo.push('origin', refspecs, op)).map(({ ref, status: result }) => [ref, result]);
    expect(await status('main', 'main:refs/heads/git-annex', 'main:refs/heads/contested')).toEqual([
      ['refs/heads/main', 'ok'], ['refs/heads/git-annex', 'ok'], ['refs/heads/contested', 'rejected'],
    ]);
    expect(git(origin, 'rev-parse', 'main', 'git-annex')).toBe(`${git(top, 'rev-parse', 'main')}\n${git(top, 'rev-parse', 'main')}`);
    expect(git(origin, 'fsck', '--strict')).not.toMatch(/error|missing/);
    expect(repo.readRef('refs/remotes/origin/main')).toBe(git(top, 'rev-parse', 'main'));
    expect(await status('main')).toEqual([['refs/heads/main', 'uptodate']]);
    expect(await status('+main:contested')).toEqual([['refs/heads/contested', 'ok']]);
    expect(await status(':refs/heads/contested')).toEqual([['refs/heads/contested', 'ok']]);
    expect(git(origin, 'branch', '--list', 'contested')).toBe('');
    // A branch that is checked out at the other side.
    git(top, 'remote', 'add', 'seed', '../seed');
    repo.reloadConfig();
    const [refused] = await repo.push('seed', ['+main:main'], op);
    expect(refused).toMatchObject({ ref: 'refs/heads/main', status: 'error' });
    await expect(repo.push(join(place.directory, 'absent'), ['main'], op)).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    await expect(repo.push('origin', ['-f'], op)).rejects.toMatchObject({ code: 'URL_INVALID' });
    await repo.close();
  });
});

describe('without git', () => {
  it('says that ssh needs git', async () => {
    useBackend('own');
    for (const url of ['ssh://host/path', 'user@host:path', 'git://host/path']) {
      await expect(cloneRepository(url, join(place.directory, 'x'), { checkout: true, op })).rejects.toMatchObject({ code: 'TOOL_MISSING', hint: 'install git' });
    }
  });
});
