// Connecting datasets to stores: one storage remote however often and from wherever it is done, and nothing half-connected stays so.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkClean } from '../../support/check-clean.ts';
import { createSandbox } from '../../support/sandbox.ts';
import { removeTree } from '../../support/remove-tree.ts';

describe('connecting a dataset to a store', () => {
  const sandbox = createSandbox();
  let count = 0;
  let base: string;
  let store: string;
  let data: string;
  let id: string;

  beforeEach(async () => {
    base = sandbox.path(`case-${++count}`);
    store = join(base, 'store');
    data = join(base, 'data');
    mkdirSync(base);
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['create', data]);
    writeFileSync(join(data, 'one.dat'), 'one\0');
    await sandbox.dstoreOk(['save', '-m', 'one'], { cwd: data });
    id = (await sandbox.git(data, 'config', '-f', '.datalad/config', 'datalad.dataset.id')).trim();
  });

  const directory = (root = store): string => join(root, id.slice(0, 3), id.slice(3));
  const config = async (cwd: string, name: string): Promise<string> => (await sandbox.run('git', ['config', name], { cwd })).stdout.trim();
  const remotes = async (cwd: string): Promise<string[]> =>
    [...new Set((await sandbox.git(cwd, 'config', '--local', '--name-only', '--get-regexp', '^remote\\.')).split('\n').filter((line) => line !== '').map((line) => line.split('.')[1]!))].sort();
  const storageUuids = async (cwd: string): Promise<string[]> =>
    (await sandbox.git(cwd, 'cat-file', 'blob', 'git-annex:remote.log')).split('\n').filter((line) => line !== '').map((line) => line.split(' ')[0]!);
  const objects = (root = store): string[] => readdirSync(join(directory(root), 'annex', 'objects'));

  it('records one storage remote, by an address without a fragment', async () => {
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    expect(await remotes(data)).toEqual(['store', 'store-storage']);
    const uuid = await config(directory(), 'datalad.ora-remote.uuid');
    expect(await storageUuids(data)).toEqual([uuid]);
    const [, ...words] = (await sandbox.git(data, 'cat-file', 'blob', 'git-annex:remote.log')).trim().split(' ');
    expect(words.filter((word) => !word.startsWith('timestamp=')).sort()).toEqual([
      `archive-id=${id}`, 'autoenable=true', 'encryption=none', 'externaltype=ora', 'name=store-storage', 'type=external', `url=ria+file://${store}`,
    ]);
    expect(await config(data, 'remote.store.datalad-publish-depends')).toBe('store-storage');
    await checkClean(sandbox, data);
  });

  it('does nothing the second time, by whatever path the store is named', async () => {
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    const before = await sandbox.git(data, 'config', '--list', '--local');
    symlinkSync(store, join(base, 'link'));
    for (const name of [store, join(base, 'link'), '../store', `ria+file://${store}`]) await sandbox.dstoreOk(['push', '--to', name], { cwd: data });
    expect((await sandbox.git(data, 'config', '--list', '--local')).split('\n').sort()).toEqual(before.split('\n').sort());
    expect(await storageUuids(data)).toHaveLength(1);
  });

  it('from another clone uses the storage remote that is there', async () => {
    const clone = join(base, 'clone');
    await sandbox.dstoreOk(['clone', data, clone]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: data });
    writeFileSync(join(clone, 'two.dat'), 'two\0');
    await sandbox.dstoreOk(['update'], { cwd: clone });
    await sandbox.dstoreOk(['save', '-m', 'two'], { cwd: clone });
    await sandbox.dstoreOk(['push', '--to', store], { cwd: clone });
    expect(await storageUuids(clone)).toEqual([await config(directory(), 'datalad.ora-remote.uuid')]);
    expect(objects()).toHaveLength(2);
    await checkClean(sandbox, clone);
    const fresh = join(base, 'fresh');
    await sandbox.dstoreOk(['clone', `${store}#~data`, fresh]);
    await sandbox.dstoreOk(['get', '.'], { cwd: fresh });
    await checkClean(sandbox, fresh);
  });

  it('from a clone made by git alone, whose remote leads into the store, brings the content as well', async () => {
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    const clone = join(base, 'by-git');
    await sandbox.git(base, 'clone', '-q', directory(), clone);
    // Without this, git-annex makes the bare repository an annex of its own.
    await sandbox.git(clone, 'config', 'remote.origin.annex-ignore', 'true');
    await sandbox.run('git', ['annex', 'init', '-q', 'by-git'], { cwd: clone });
    await sandbox.run('git', ['config', '--remove-section', 'remote.store-storage'], { cwd: clone });
    writeFileSync(join(clone, 'two.dat'), 'two\0');
    await sandbox.dstoreOk(['save', '-m', 'two'], { cwd: clone });
    await sandbox.dstoreOk(['push', '--to', store], { cwd: clone });
    expect(await remotes(clone)).toEqual(['origin', 'store-storage']);
    expect(await config(clone, 'remote.origin.datalad-publish-depends')).toBe('store-storage');
    expect(objects()).toHaveLength(2);
    expect(await storageUuids(clone)).toHaveLength(1);
    expect(await config(directory(), 'annex.uuid')).toBe('');
  });

  it('does not overwrite remotes that have the names it would give', async () => {
    await sandbox.git(data, 'remote', 'add', 'store', 'https://example.org/x.git');
    await sandbox.git(data, 'remote', 'add', 'store-2-storage', 'https://example.org/y.git');
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    expect(await remotes(data)).toEqual(['store', 'store-2-storage', 'store-3', 'store-3-storage']);
    expect(await config(data, 'remote.store-2-storage.annex-uuid')).toBe('');

    const clone = join(base, 'clone');
    await sandbox.dstoreOk(['clone', data, clone]);
    await sandbox.run('git', ['config', '--remove-section', 'remote.store-3-storage'], { cwd: clone });
    await sandbox.git(clone, 'remote', 'add', 'store-3-storage', 'https://example.org/z.git');
    await sandbox.dstoreOk(['push', '--to', store], { cwd: clone });
    expect(await config(clone, 'remote.store-3-storage.annex-uuid')).toBe('');
    expect(await config(clone, `remote.${await config(clone, 'remote.store.datalad-publish-depends')}.annex-uuid`)).toBe(await config(directory(), 'datalad.ora-remote.uuid'));
    expect(await storageUuids(clone)).toHaveLength(1);
  });

  it('follows a store that has moved, also to a path that begins like the old one', async () => {
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: data });
    const moved = join(base, 'sto');
    renameSync(store, moved);
    writeFileSync(join(data, 'two.dat'), 'two\0');
    await sandbox.dstoreOk(['save', '-m', 'two'], { cwd: data });
    const gone = await sandbox.dstore(['push'], { cwd: data });
    expect(gone.status).not.toBe(0);
    expect(gone.stdout + gone.stderr).toMatch(/DSTORE_E_REMOTE_UNAVAILABLE/);
    await sandbox.dstoreOk(['push', '--to', moved], { cwd: data });
    expect(objects(moved)).toHaveLength(2);
    expect(await config(data, 'remote.store-storage.ora-url')).toBe(`ria+file://${moved}`);
    expect(await storageUuids(data)).toHaveLength(1);
    await checkClean(sandbox, data);
    const clone = join(base, 'clone');
    await sandbox.dstoreOk(['clone', `${moved}#~data`, clone]);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    // And back again.
    renameSync(moved, store);
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    expect(await config(data, 'remote.store-storage.ora-url')).toBe(`ria+file://${store}`);
  });

  it.each([
    ['the dataset directory was made', ['remote.store', 'remote.store-storage'], true],
    ['the git remote was added', ['remote.store-storage'], true],
    ['the storage remote was recorded', ['remote.store'], false],
    ['the storage remote was enabled', [], false],
  ])('goes on where it was interrupted after %s', async (_, sections, unrecorded) => {
    const before = (await sandbox.git(data, 'rev-parse', 'git-annex')).trim();
    await sandbox.dstoreOk(['store', 'add-dataset', store], { cwd: data });
    for (const section of sections) await sandbox.git(data, 'config', '--remove-section', section);
    if (!sections.includes('remote.store')) await sandbox.git(data, 'config', '--unset', 'remote.store.datalad-publish-depends');
    if (unrecorded) await sandbox.git(data, 'update-ref', 'refs/heads/git-annex', before);
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    expect(await storageUuids(data)).toEqual([await config(directory(), 'datalad.ora-remote.uuid')]);
    expect(objects()).toHaveLength(1);
    await checkClean(sandbox, data);
    const clone = join(base, 'clone');
    await sandbox.dstoreOk(['clone', `${store}#${id}`, clone]);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    await checkClean(sandbox, clone);
  });

  it.each([
    ['is empty', async () => void mkdirSync(directory(), { recursive: true })],
    ['has no version file', async () => {
      await sandbox.dstoreOk(['store', 'add-dataset', store], { cwd: data });
      rmSync(join(directory(), 'ria-layout-version'));
    }],
    ['has a repository only', async () => {
      mkdirSync(join(directory(), '..'), { recursive: true });
      await sandbox.git(base, 'init', '-q', '--bare', directory());
    }],
  ])('completes a dataset directory that %s', async (_, begin) => {
    await begin();
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    expect(await storageUuids(data)).toEqual([await config(directory(), 'datalad.ora-remote.uuid')]);
    expect(objects()).toHaveLength(1);
    await checkClean(sandbox, data);
  });

  it('of unknown layout reports what is wrong and changes nothing', async () => {
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    rmSync(join(directory(), 'ria-layout-version'));
    const result = await sandbox.dstore(['push', '--to', store], { cwd: data });
    expect(result.status).not.toBe(0);
    expect(result.stdout + result.stderr).toMatch(/DSTORE_E_STORE_CORRUPT/);
    expect(existsSync(join(directory(), 'ria-layout-version'))).toBe(false);
  });

  it('refuses an alias of another dataset before anything is made', async () => {
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'taken'], { cwd: data });
    const other = join(base, 'other');
    await sandbox.dstoreOk(['create', other]);
    const result = await sandbox.dstore(['push', '--to', store, '--alias', 'taken'], { cwd: other });
    expect(result.stdout + result.stderr).toMatch(/DSTORE_E_ALIAS_TAKEN/);
    expect(readdirSync(store).sort()).toEqual([id.slice(0, 3), 'alias', 'error_logs', 'ria-layout-version'].sort());
    expect((await sandbox.git(other, 'config', '--list', '--local')).includes('remote.')).toBe(false);
  });

  it('pushes to a store whose dataset directory is a link', async () => {
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    renameSync(directory(), join(base, 'elsewhere'));
    symlinkSync(join(base, 'elsewhere'), directory());
    writeFileSync(join(data, 'two.dat'), 'two\0');
    await sandbox.dstoreOk(['save', '-m', 'two'], { cwd: data });
    await sandbox.dstoreOk(['push', '--to', store], { cwd: data });
    expect(await remotes(data)).toEqual(['store', 'store-storage']);
    expect(objects()).toHaveLength(2);
    removeTree(join(base, 'elsewhere'));
    const gone = await sandbox.dstore(['push'], { cwd: data });
    expect(gone.stdout + gone.stderr).toMatch(/DSTORE_E_REMOTE_UNAVAILABLE/);
  });
});
