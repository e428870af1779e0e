// Every implementation of Remote through the same suite, then what only one kind of place has.
import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { objectPathLower, objectPathMixed, storeObjectPaths } from '../../src/core/object-path.ts';
import { openAnnexLocks } from '../../src/io/annex-locks.ts';
import { openBulkIo } from '../../src/io/bulk.ts';
import type { BulkIo } from '../../src/io/bulk.ts';
import { openAnnexRepository } from '../../src/remote/annex-repository.ts';
import type { Remote } from '../../src/remote/remote.ts';
import { openRiaDirectory } from '../../src/remote/ria-directory.ts';
import { initStore } from '../../src/store/store.ts';
import { removeTree } from '../support/remove-tree.ts';
import { createSandbox } from '../support/sandbox.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';
import { check, content, describeRemote, fetch, filesBelow, remove, states, store } from './remote-suite.ts';
import type { Content, Place, PlaceKind } from './remote-suite.ts';

const CLIENTS: Readonly<Record<string, string>> = { a: '11111111-1111-4111-8111-111111111111', b: '22222222-2222-4222-8222-222222222222' };
const STORAGE = '33333333-3333-4333-8333-333333333333';

function riaPlace(directory: string, layout: string, shared: boolean): Place {
  const objects = join(directory, 'annex', 'objects');
  return {
    directory, objects,
    paths: (key) => storeObjectPaths(key, layout === '1' ? '1' : '2').map((path) => join(objects, path)),
    staging: () => readdirSync(directory).filter((name) => name.startsWith('ora-remote-')).map((name) => join(directory, name, 'transfer')),
    open: (bulk, client = 'a') => openRiaDirectory({
      name: 'store', uuid: STORAGE, clientUuid: CLIENTS[client]!, directory, layoutVersion: layout, shared: shared ? 'group' : 'private', bulk,
    }),
  };
}

function riaKind(layout: '1' | '2', shared: boolean): PlaceKind {
  return {
    name: `RIA directory, layout ${layout}${shared ? ', shared with a group' : ''}`, shared, keyDirectoryMode: 0o755,
    make(folder) {
      const directory = join(folder, 'abc', 'dataset');
      mkdirSync(join(directory, 'annex', 'objects'), { recursive: true });
      writeFileSync(join(directory, 'ria-layout-version'), `${layout}\n`);
      if (shared) for (const path of [directory, join(directory, 'annex'), join(directory, 'annex', 'objects')]) chmodSync(path, 0o2775);
      return riaPlace(directory, layout, shared);
    },
  };
}

function annexPlace(gitDirectory: string, uuid: string, bare: boolean, shared: boolean): Place {
  const objects = join(gitDirectory, 'annex', 'objects');
  return {
    directory: gitDirectory, objects,
    paths: (key) => {
      const both = [join(objects, objectPathMixed(key)), join(objects, objectPathLower(key))];
      return bare ? both.reverse() : both;
    },
    staging: () => [join(gitDirectory, 'annex', 'othertmp')].filter((path) => existsSync(path)),
    open: (bulk) => openAnnexRepository({
      name: 'annex', uuid, gitDirectory, bare, shared: shared ? 'group' : 'private', bulk,
      locks: () => openAnnexLocks({ annexDirectory: join(gitDirectory, 'annex'), pidLock: false }),
    }),
  };
}

function annexKind(bare: boolean, shared: boolean): PlaceKind {
  return {
    name: `git-annex repository, ${bare ? 'bare' : 'with work tree'}${shared ? ', shared with a group' : ''}`, shared, keyDirectoryMode: 0o555,
    make(folder) {
      const directory = bare ? folder : join(folder, '.git');
      mkdirSync(join(directory, 'annex', 'objects'), { recursive: true });
      writeFileSync(join(directory, 'config'), `[core]\n\tbare = ${bare}\n`);
      if (shared) for (const path of [directory, join(directory, 'annex'), join(directory, 'annex', 'objects')]) chmodSync(path, 0o2775);
      return annexPlace(directory, STORAGE, bare, shared);
    },
  };
}

for (const layout of ['1', '2'] as const) for (const shared of [false, true]) describeRemote(riaKind(layout, shared));
for (const bare of [true, false]) for (const shared of [false, true]) describeRemote(annexKind(bare, shared));

describe('RIA directory', () => {
  let bulk: BulkIo;
  let folder: string;
  let place: Place;
  let remote: Remote;
  const [one, two] = [content('one'), content('two')];

  beforeAll(() => {
    bulk = openBulkIo({ workers: 0 });
  });
  afterAll(() => bulk.close());
  beforeEach(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'dstore-ria-')));
    place = riaKind('2', false).make(join(folder, 'place'));
    remote = place.open(bulk);
    await store(remote, [one], folder);
  });
  afterEach(() => removeTree(folder));

  it.each(['3', 'x', 'store 9', ''])('with the unknown layout version %j is read, not written', async (version) => {
    const newer = riaPlace(place.directory, version, false).open(bulk);
    expect(newer.readOnly).toBe(true);
    expect(states(await check(newer, [one.key]))).toEqual(['present']);
    expect(states(await fetch(newer, [one.key], folder))).toEqual(['ok']);
    const before = filesBelow(place.directory);
    await expect(store(newer, [two], folder)).rejects.toMatchObject({ code: 'STORE_VERSION' });
    await expect(remove(newer, [one.key])).rejects.toMatchObject({ code: 'STORE_VERSION' });
    expect(filesBelow(place.directory)).toEqual(before);
  });

  it('with an archive it cannot read does not know what is absent, and removes nothing', async () => {
    mkdirSync(join(place.directory, 'archives'));
    writeFileSync(join(place.directory, 'archives', 'archive.7z'), '7z\u00bc\u00af');
    expect((await check(remote, [one.key])).get(one.key)?.state).toBe('present');
    expect((await check(remote, [two.key])).get(two.key)).toMatchObject({ state: 'unknown', error: { code: 'DSTORE_E_UNSUPPORTED' } });
    expect((await fetch(remote, [one.key], folder)).get(one.key)?.state).toBe('ok');
    expect((await fetch(remote, [two.key], folder)).get(two.key)).toMatchObject({ state: 'unknown', error: { code: 'DSTORE_E_UNSUPPORTED' } });
    const answers = await remove(remote, [one.key, two.key]);
    for (const { key } of [one, two]) expect(answers.get(key)).toMatchObject({ state: 'failed', error: { code: 'DSTORE_E_UNSUPPORTED' } });
    expect(existsSync(place.paths(one.key)[0]!)).toBe(true);
  });

  it('with an object tree linked to a file system that is away is unavailable', async () => {
    renameSync(place.objects, join(folder, 'other disk'));
    symlinkSync(join(folder, 'other disk'), place.objects);
    expect(states(await check(remote, [one.key]))).toEqual(['present']);
    renameSync(join(folder, 'other disk'), join(folder, 'away'));
    await expect(check(remote, [one.key])).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    await expect(remove(remote, [one.key])).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
  });

  it('ignores what the layout does not name, and leaves it alone', async () => {
    const strangers = ['annex/tmp/x', 'annex/transfers/y', 'ria-remote-old/transfer/z', 'config.dataladlock', `ora-remote-${randomUUID()}/transfer/left`, 'annex/objects/stray'];
    for (const stranger of strangers) {
      mkdirSync(dirname(join(place.directory, stranger)), { recursive: true });
      writeFileSync(join(place.directory, stranger), 'stranger');
    }
    await store(remote, [two], folder);
    expect(states(await check(remote, [one.key, two.key]))).toEqual(['present']);
    await remove(remote, [one.key, two.key]);
    for (const stranger of strangers) expect(readFileSync(join(place.directory, stranger), 'utf8')).toBe('stranger');
  });

  it('stages in a folder of the writing clone', async () => {
    expect(readdirSync(place.directory).filter((name) => name.startsWith('ora-'))).toEqual([`ora-remote-${CLIENTS['a']}`]);
    expect(readdirSync(join(place.directory, `ora-remote-${CLIENTS['a']}`, 'transfer'))).toEqual([]);
  });

  it('keeps a key directory that another process has just written to', async () => {
    const directory = dirname(place.paths(one.key)[0]!);
    writeFileSync(join(directory, 'other'), 'other');
    expect(states(await remove(remote, [one.key]))).toEqual(['removed']);
    expect(readdirSync(directory)).toEqual(['other']);
  });

  it('fills a key directory that is empty or read-only', async () => {
    const directory = dirname(place.paths(two.key)[0]!);
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o555);
    expect(states(await check(remote, [two.key]))).toEqual(['absent']);
    expect(states(await store(remote, [two], folder))).toEqual(['ok']);
  });
});

/** A repository with annexed files: hash keys, a WORM key with a hard name, a URL key. @returns path → content */
async function annexedFiles(sandbox: Sandbox, repository: string, prefix: string): Promise<Map<string, Content>> {
  const files = new Map<string, Content>();
  const names = ['plain.dat', 'empty.dat', 'large.tar.gz'];
  for (const name of names) writeFileSync(join(repository, prefix + name), name === 'empty.dat' ? '' : `${prefix} content of ${name}\n`.repeat(name === 'large.tar.gz' ? 60_000 : 1));
  await sandbox.annex(repository, 'add', '--quiet', '.');
  writeFileSync(join(repository, `${prefix}we%ird & na:me.dat`), `${prefix} worm`);
  await sandbox.annex(repository, 'add', '--quiet', '--backend=WORM', '.');
  writeFileSync(join(sandbox.root, 'content'), `${prefix} from the web`);
  const url = `URL--http://example.org/${prefix}a%20b?c=d&e`;
  await sandbox.annex(repository, 'setkey', url, join(sandbox.root, 'content'));
  await sandbox.annex(repository, 'fromkey', '--force', url, `${prefix}web`);
  await sandbox.git(repository, 'commit', '-q', '-m', 'files');
  for (const name of [...names, 'we%ird & na:me.dat', 'web'].map((file) => prefix + file)) {
    const key = (await sandbox.annex(repository, 'lookupkey', name)).trim();
    files.set(name, { key, bytes: readFileSync(join(repository, name)) });
  }
  return files;
}

async function judge(sandbox: Sandbox, repository: string, place: Place, bulk: BulkIo, name: string): Promise<void> {
  const work = mkdtempSync(join(sandbox.root, 'work-'));
  const remote = place.open(bulk);
  const mine = [...(await annexedFiles(sandbox, repository, 'mine-'))];
  const uuid = (await sandbox.git(repository, 'config', `remote.${name}.annex-uuid`)).trim();
  // Ours: the judge finds everything whole where it looks, and reads it.
  expect(states(await store(remote, mine.map(([, file]) => file), work))).toEqual(['ok']);
  for (const [, { key }] of mine) await sandbox.annex(repository, 'setpresentkey', key, uuid, '1');
  await sandbox.annex(repository, 'fsck', '--quiet', '--from', name, '.');
  await sandbox.annex(repository, 'drop', '--quiet', '--force', '.');
  await sandbox.annex(repository, 'get', '--quiet', '--from', name, '.');
  for (const [path, { bytes }] of mine) expect(readFileSync(join(repository, path)).equals(bytes), path).toBe(true);
  // Theirs.
  const theirs = [...(await annexedFiles(sandbox, repository, 'theirs-'))];
  await sandbox.annex(repository, 'copy', '--quiet', '--to', name, '.');
  const keys = theirs.map(([, { key }]) => key);
  expect(states(await check(remote, keys))).toEqual(['present']);
  expect(states(await fetch(remote, keys, work))).toEqual(['ok']);
  for (const [index, [path, { bytes }]] of theirs.entries()) expect(readFileSync(join(work, `${index}`)).equals(bytes), path).toBe(true);
  // Where they put it, we would have, with the same permissions.
  expect(states(await store(remote, theirs.map(([, file]) => file), work))).toEqual(['present']);
  const modes = (key: string): string[] => {
    const path = place.paths(key)[0]!;
    return [path, dirname(path), dirname(dirname(path))].map((each) => (lstatSync(each).mode & 0o7777).toString(8));
  };
  expect(modes(mine[0]![1].key)).toEqual(modes(theirs[0]![1].key));
  // What we remove they miss, and the other way round.
  expect(states(await remove(remote, keys))).toEqual(['removed']);
  expect((await sandbox.run('git', ['annex', 'fsck', '--from', name, 'theirs-plain.dat'], { cwd: repository })).status).not.toBe(0);
  await sandbox.annex(repository, 'drop', '--quiet', '--force', '--from', name, '--', ...mine.map(([path]) => path));
  expect(states(await check(remote, mine.map(([, { key }]) => key)))).toEqual(['absent']);
  expect(place.staging().flatMap(filesBelow)).toEqual([]);
}

describeWith(['git-annex', 'git-annex-remote-ora'], 'DataLad agrees about a RIA directory', () => {
  const sandbox = createSandbox();
  let bulk: BulkIo;
  beforeAll(() => {
    bulk = openBulkIo({ workers: 0 });
  });
  afterAll(() => bulk.close());

  it.each(['1', '2'])('of layout %s', async (layout) => {
    const root = sandbox.path(`store-${layout}`);
    initStore(root, 'private');
    const id = randomUUID();
    const directory = join(root, id.slice(0, 3), id.slice(3));
    mkdirSync(join(directory, 'annex', 'objects'), { recursive: true });
    writeFileSync(join(directory, 'ria-layout-version'), `${layout}\n`);
    const repository = sandbox.path(`repository-${layout}`);
    await sandbox.git(sandbox.root, 'init', '-q', repository);
    await sandbox.annex(repository, 'init', '-q', 'judge');
    // Content of WORM and URL keys cannot be verified.
    await sandbox.git(repository, 'config', 'annex.security.allow-unverified-downloads', 'ACKTHPPT');
    await sandbox.annex(repository, 'initremote', 'ria', 'type=external', 'externaltype=ora', 'encryption=none', `url=ria+file://${root}`, `archive-id=${id}`);
    expect(readFileSync(join(directory, 'ria-layout-version'), 'utf8').trim()).toBe(layout);
    await judge(sandbox, repository, riaPlace(directory, layout, false), bulk, 'ria');
  });
});

describeWith(['git-annex'], 'git-annex agrees about a repository', () => {
  const sandbox = createSandbox();
  let bulk: BulkIo;
  beforeAll(() => {
    bulk = openBulkIo({ workers: 0 });
  });
  afterAll(() => bulk.close());

  it.each([[true, false], [true, true], [false, false], [false, true]])('bare: %s, shared with a group: %s', async (bare, shared) => {
    const other = sandbox.path(`other-${bare}-${shared}`);
    await sandbox.git(sandbox.root, 'init', '-q', ...(bare ? ['--bare'] : []), ...(shared ? ['--shared=group'] : []), other);
    await sandbox.annex(other, 'init', '-q', 'other');
    const uuid = (await sandbox.git(other, 'config', 'annex.uuid')).trim();
    const repository = sandbox.path(`repository-${bare}-${shared}`);
    await sandbox.git(sandbox.root, 'init', '-q', repository);
    await sandbox.annex(repository, 'init', '-q', 'judge');
    await sandbox.git(repository, 'remote', 'add', 'other', other);
    await sandbox.annex(repository, 'sync', '-q', '--no-content', '--no-pull', '--no-push', 'other');
    await judge(sandbox, repository, annexPlace(bare ? other : join(other, '.git'), uuid, bare, shared), bulk, 'other');
  });
});
