// The tree of a store: making it, its version files, aliases, dataset directories.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initStore, locateDataset, openStore, storeOfDirectory } from '../../../src/store/store.ts';
import type { Store } from '../../../src/store/store.ts';
import { parseRiaUrl } from '../../../src/core/ria-url.ts';
import { PROJECT } from '../../support/project.ts';
import { removeTree } from '../../support/remove-tree.ts';

const ID = '3c80f600-0000-4000-8000-000000000001';
const OTHER = '3c80f600-0000-4000-8000-000000000002';
const STORAGE = '99999999-0000-4000-8000-000000000000';

let folder: string;
let root: string;
let umask: number;

beforeEach(() => {
  umask = process.umask(0o022);
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'dstore-store-')));
  root = join(folder, 'store');
});
afterEach(() => {
  process.umask(umask);
  removeTree(folder);
});

const directoryOf = (id: string): string => join(root, id.slice(0, 3), id.slice(3));
const template = (name: string): string => readFileSync(join(PROJECT, 'store-layout/template', name), 'utf8');
/** Path → octal mode of every directory below and including this one. */
function directories(path: string): string[] {
  return [path, ...readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))];
}

describe('making a store', () => {
  it('writes what the template says', () => {
    const { store, created } = initStore(root, 'private');
    expect(created).toBe(true);
    expect(readdirSync(root).sort()).toEqual(['alias', 'error_logs', 'ria-layout-version']);
    expect(readFileSync(join(root, 'ria-layout-version'), 'utf8')).toBe(template('ria-layout-version'));
    expect(store.version).toBe('1');
    expect(store.shared).toBe('private');
    expect(store.datasets()).toEqual([]);
  });

  it('leaves an existing store as it is', () => {
    initStore(root, 'private');
    writeFileSync(join(root, 'ria-layout-version'), '1|l\n');
    expect(initStore(root, 'group').created).toBe(false);
    expect(readFileSync(join(root, 'ria-layout-version'), 'utf8')).toBe('1|l\n');
    expect(lstatSync(root).mode & 0o7777).toBe(0o755);
  });

  it('takes an empty folder and refuses any other, or a file', () => {
    mkdirSync(root);
    expect(initStore(root, 'private').created).toBe(true);
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'thesis.txt'), '');
    expect(() => initStore(join(folder, 'full'), 'private')).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
    expect(readdirSync(join(folder, 'full'))).toEqual(['thesis.txt']);
    expect(() => initStore(join(folder, 'full', 'thesis.txt'), 'private')).toThrow(expect.objectContaining({ code: 'IO' }));
  });

  it('goes on where an earlier attempt was interrupted', () => {
    mkdirSync(join(root, 'error_logs'), { recursive: true });
    mkdirSync(join(root, 'alias'));
    writeFileSync(join(root, '.dstore-1-abc.tmp'), '');
    expect(initStore(root, 'private').created).toBe(true);
    mkdirSync(join(folder, 'b', 'alias', 'something'), { recursive: true });
    expect(() => initStore(join(folder, 'b'), 'private')).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
  });

  it.each([['group', 0o2770], ['all', 0o2775]] as const)('shares it with %s whatever the umask', async (shared, least) => {
    process.umask(0o077);
    const { store } = initStore(root, shared);
    expect(store.shared).toBe(shared);
    await store.createDataset(ID, STORAGE, store.shared);
    store.setAlias('one', ID, store.shared);
    for (const path of directories(root)) expect([path, lstatSync(path).mode & least]).toEqual([path, least]);
    for (const file of ['config', 'HEAD', 'ria-layout-version']) expect(lstatSync(join(directoryOf(ID), file)).mode & 0o660).toBe(0o660);
    expect(execFileSync('git', ['-C', directoryOf(ID), 'config', 'core.sharedrepository'], { encoding: 'utf8' }).trim()).toBe(shared === 'group' ? '1' : '2');
  });
});

describe('opening a store', () => {
  it('says what is not one', () => {
    expect(() => openStore(root)).toThrow(expect.objectContaining({ code: 'NOT_A_STORE' }));
    mkdirSync(root);
    expect(() => openStore(root)).toThrow(expect.objectContaining({ code: 'NOT_A_STORE' }));
    writeFileSync(join(folder, 'file'), '');
    expect(() => openStore(join(folder, 'file'))).toThrow(expect.objectContaining({ code: 'NOT_A_STORE' }));
  });

  it('does not take one that it may not read for none', () => {
    initStore(root, 'private');
    chmodSync(folder, 0o755);
    chmodSync(root, 0);
    const asRoot = process.getuid?.() === 0;
    if (asRoot) process.seteuid!(65534);
    try {
      expect(() => openStore(root)).toThrow(expect.objectContaining({ code: 'PERMISSION' }));
    } finally {
      if (asRoot) process.seteuid!(0);
      chmodSync(root, 0o755);
    }
  });

  it.each([['1\n', '1'], ['1', '1'], ['1|l\r\n', '1'], ['2\n', '2'], ['future\n', 'future']])('reads the version from %j', async (text, version) => {
    initStore(root, 'private');
    await openStore(root).createDataset(ID, STORAGE, 'private');
    openStore(root).setAlias('one', ID, 'private');
    writeFileSync(join(root, 'ria-layout-version'), text);
    const store = openStore(root);
    expect(store.version).toBe(version);
    expect(store.resolveAlias('one')).toBe(ID);
    expect(store.datasets().map(({ id }) => id)).toEqual([ID]);
    if (version === '1') return;
    const refused = expect.objectContaining({ code: 'STORE_VERSION' });
    expect(() => store.requireWritable()).toThrow(refused);
    expect(() => store.setAlias('two', ID, 'private')).toThrow(refused);
    await expect(store.createDataset(OTHER, STORAGE, 'private')).rejects.toEqual(refused);
    expect(readdirSync(join(root, 'alias'))).toEqual(['one']);
    expect(existsSync(directoryOf(OTHER))).toBe(false);
  });

  it.each(['', '\n', '1|l|x\n'])('calls %j damage', (text) => {
    initStore(root, 'private');
    writeFileSync(join(root, 'ria-layout-version'), text);
    expect(() => openStore(root)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  });
});

describe('dataset directories', () => {
  let store: Store;
  beforeEach(() => {
    ({ store } = initStore(root, 'private'));
  });

  it('are bare repositories as git and DataLad expect them', async () => {
    const made = await store.createDataset(ID, STORAGE, 'private');
    expect(made).toEqual({ id: ID, directory: directoryOf(ID), aliases: [], layoutVersion: '1', storageUuid: STORAGE });
    expect(readFileSync(join(directoryOf(ID), 'ria-layout-version'), 'utf8')).toBe(template('dataset-ria-layout-version'));
    for (const part of ['HEAD', 'config', 'objects', 'refs']) expect(existsSync(join(directoryOf(ID), part)), part).toBe(true);
    for (const part of ['annex/objects', 'archives']) expect(readdirSync(join(directoryOf(ID), part))).toEqual([]);
    const git = (...args: string[]): string => execFileSync('git', ['-C', directoryOf(ID), ...args], { encoding: 'utf8', stdio: 'pipe' });
    expect(git('rev-parse', '--is-bare-repository').trim()).toBe('true');
    expect(git('config', 'datalad.ora-remote.uuid').trim()).toBe(STORAGE);
    expect(git('config', '--list', '--local').split('\n').filter((line) => /^(annex|remote)\./.test(line))).toEqual([]);
    expect(git('fsck')).toBe('');
    expect(readdirSync(join(root, ID.slice(0, 3)))).toEqual([ID.slice(3)]);
  });

  it('lie flat, each under its own ID', async () => {
    await store.createDataset(ID, STORAGE, 'private');
    await store.createDataset(OTHER, randomUUID(), 'private');
    expect(store.datasets().map(({ id }) => id)).toEqual([ID, OTHER]);
    await expect(store.createDataset(ID, STORAGE, 'private')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  it('belong to the first of several publishers, whose UUID all get', async () => {
    const uuids = [randomUUID(), randomUUID(), randomUUID()];
    const made = await Promise.all(uuids.map((uuid) => store.createDataset(ID, uuid, 'private')));
    expect(new Set(made.map(({ storageUuid }) => storageUuid)).size).toBe(1);
    expect(uuids).toContain(made[0]!.storageUuid);
    expect(readdirSync(join(root, ID.slice(0, 3)))).toEqual([ID.slice(3)]);
  });

  it.each([
    ['an empty directory', () => mkdirSync(directoryOf(ID), { recursive: true }), undefined],
    ['a repository', () => execFileSync('git', ['init', '-q', '--bare', directoryOf(ID)]), undefined],
    ['everything but the version file', () => {
      execFileSync('git', ['init', '-q', '--bare', directoryOf(ID)]);
      execFileSync('git', ['-C', directoryOf(ID), 'config', 'datalad.ora-remote.uuid', OTHER]);
      mkdirSync(join(directoryOf(ID), 'annex', 'objects'), { recursive: true });
    }, OTHER],
    ['what a crash left under another name', () => mkdirSync(join(root, ID.slice(0, 3), '.dstore-1-abc.tmp', 'objects'), { recursive: true }), undefined],
  ])('are completed where %s is there already', async (_, begin, uuid) => {
    begin();
    expect(store.has(ID)).toBe(false);
    const made = await store.createDataset(ID, STORAGE, 'private');
    expect(made).toMatchObject({ layoutVersion: '1', storageUuid: uuid ?? STORAGE });
    expect(store.datasets().map(({ id }) => id)).toEqual([ID]);
    expect(execFileSync('git', ['-C', directoryOf(ID), 'fsck'], { encoding: 'utf8', stdio: 'pipe' })).toBe('');
  });

  it('with objects and no version file are damage: a guessed layout would hide them', async () => {
    mkdirSync(join(directoryOf(ID), 'annex', 'objects', 'xX'), { recursive: true });
    await expect(store.createDataset(ID, STORAGE, 'private')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(existsSync(join(directoryOf(ID), 'ria-layout-version'))).toBe(false);
    expect(() => store.dataset(ID)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  });

  it('with versions that are not known are listed, and those without a version file, too', async () => {
    await store.createDataset(ID, STORAGE, 'private');
    writeFileSync(join(directoryOf(ID), 'ria-layout-version'), '7\n');
    expect(store.dataset(ID).layoutVersion).toBe('7');
    rmSync(join(directoryOf(ID), 'ria-layout-version'));
    expect(() => store.dataset(ID)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
    expect(store.datasets()).toMatchObject([{ id: ID, layoutVersion: 'unknown' }]);
    expect(() => store.dataset(OTHER)).toThrow(expect.objectContaining({ code: 'DATASET_UNKNOWN' }));
  });

  it('and the store may be links to where there is room', async () => {
    await store.createDataset(ID, STORAGE, 'private');
    store.setAlias('one', ID, 'private');
    renameSync(directoryOf(ID), join(folder, 'moved dataset'));
    symlinkSync(join(folder, 'moved dataset'), directoryOf(ID));
    renameSync(join(root, ID.slice(0, 3)), join(folder, 'moved too'));
    symlinkSync(join(folder, 'moved too'), join(root, ID.slice(0, 3)));
    symlinkSync(root, join(folder, 'link'));
    for (const path of [root, join(folder, 'link')]) {
      const there = openStore(path);
      expect(there.resolveAlias('one')).toBe(ID);
      expect(there.dataset(ID)).toMatchObject({ aliases: ['one'], layoutVersion: '1', storageUuid: STORAGE });
      expect(there.datasets().map(({ id }) => id)).toEqual([ID]);
      expect(locateDataset(parseRiaUrl(`${there.url}#~one`)).dataset.id).toBe(ID);
      for (const directory of [there.directoryOf(ID), join(path, 'alias', 'one')]) expect(storeOfDirectory(directory)).toMatchObject({ id: ID, store: { path: root } });
    }
  });

  it('are known by their place only in a store', async () => {
    await store.createDataset(ID, STORAGE, 'private');
    expect(storeOfDirectory(directoryOf(ID))).toMatchObject({ id: ID });
    expect(storeOfDirectory(join(folder, 'nowhere'))).toBeUndefined();
    expect(storeOfDirectory(folder)).toBeUndefined();
    rmSync(join(root, 'ria-layout-version'));
    expect(storeOfDirectory(directoryOf(ID))).toBeUndefined();
  });

  it('are not looked for where an ID leads elsewhere', () => {
    for (const id of ['abc', 'abc..', 'ab/cd', '../x', '']) expect(() => store.directoryOf(id), id).toThrow(expect.objectContaining({ code: 'URL_INVALID' }));
  });
});

describe('aliases', () => {
  let store: Store;
  beforeEach(async () => {
    ({ store } = initStore(root, 'private'));
    await store.createDataset(ID, STORAGE, 'private');
    await store.createDataset(OTHER, randomUUID(), 'private');
  });
  const corrupt = expect.objectContaining({ code: 'STORE_CORRUPT' });

  it('are relative links, listed with their datasets', () => {
    store.setAlias('one', ID, 'private');
    store.setAlias('uno', ID, 'private');
    expect(readlinkSync(join(root, 'alias', 'one'))).toBe(`../${ID.slice(0, 3)}/${ID.slice(3)}`);
    expect(store.datasets().map(({ aliases }) => [...aliases].sort())).toEqual([['one', 'uno'], []]);
    expect(locateDataset(parseRiaUrl(`${store.url}#~uno`)).dataset.id).toBe(ID);
  });

  it('are never taken from another dataset; giving one again is fine', () => {
    store.setAlias('one', ID, 'private');
    store.setAlias('one', ID, 'private');
    const taken = expect.objectContaining({ code: 'ALIAS_TAKEN' });
    expect(() => store.setAlias('one', OTHER, 'private')).toThrow(taken);
    expect(() => store.checkAliasFree('one', OTHER)).toThrow(taken);
    expect(() => store.checkAliasFree('one', ID)).not.toThrow();
    expect(() => store.checkAliasFree('new', ID)).not.toThrow();
    expect(store.resolveAlias('one')).toBe(ID);
  });

  it('may lead to aliases, and to absolute paths', () => {
    store.setAlias('one', ID, 'private');
    symlinkSync('one', join(root, 'alias', 'two'));
    symlinkSync('../alias/two', join(root, 'alias', 'three'));
    symlinkSync(directoryOf(OTHER), join(root, 'alias', 'absolute'));
    expect(['two', 'three', 'absolute'].map((alias) => store.resolveAlias(alias))).toEqual([ID, ID, OTHER]);
  });

  it('that lead nowhere, in circles or out of the store are damage, and the others still work', () => {
    mkdirSync(join(folder, 'outside', ID.slice(0, 3), ID.slice(3)), { recursive: true });
    mkdirSync(join(folder, 'data'));
    store.setAlias('good', ID, 'private');
    const links = {
      dangling: '../000/00000-0000-4000-8000-000000000000', circle: 'circle', outside: `../../outside/${ID.slice(0, 3)}/${ID.slice(3)}`, data: '../../data', root: '..', inside: `../${ID.slice(0, 3)}/${ID.slice(3)}/refs`,
    };
    for (const [alias, target] of Object.entries(links)) {
      symlinkSync(target, join(root, 'alias', alias));
      expect(() => store.resolveAlias(alias), alias).toThrow(corrupt);
      expect(() => store.setAlias(alias, ID, 'private'), alias).toThrow(corrupt);
    }
    writeFileSync(join(root, 'alias', 'file'), '');
    expect(() => store.resolveAlias('file')).toThrow(corrupt);
    expect(store.datasets().map(({ aliases }) => aliases)).toEqual([['good'], []]);
    expect(() => store.resolveAlias('none')).toThrow(expect.objectContaining({ code: 'DATASET_UNKNOWN' }));
  });

  it('have names that can be typed and stay in their folder', () => {
    for (const name of ['', '.', '..', 'a/b', '../x', 'a@b', 'a#b', 'a\nb', '-a', 'a\0b']) {
      expect(() => store.setAlias(name, ID, 'private'), name).toThrow(expect.objectContaining({ code: 'USAGE' }));
      expect(() => store.checkAliasFree(name, ID), name).toThrow(expect.objectContaining({ code: 'USAGE' }));
    }
    for (const name of ['', '.', '..', 'a/b', '../x', 'a\0b']) expect(() => store.resolveAlias(name), name).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(existsSync(join(root, 'alias')) ? readdirSync(join(root, 'alias')) : []).toEqual([]);
    for (const name of ['arch ive', 'gr\u00f6\u00dfe', '~x', 'a.b']) store.setAlias(name, ID, 'private');
  });

  it('of other programs are read whatever their names', () => {
    for (const name of ['-a', 'a#b']) {
      symlinkSync(`../${ID.slice(0, 3)}/${ID.slice(3)}`, join(root, 'alias', name));
      expect(store.resolveAlias(name)).toBe(ID);
    }
  });
});
