// Bad input: a clear error, a status that is not 0, and nothing changed.
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytes, snapshot, writeFiles } from '../support/fixtures.ts';
import { PROJECT } from '../support/project.ts';
import { removeTree } from '../support/remove-tree.ts';
import { createSandbox } from '../support/sandbox.ts';
import type { DstoreResult, RunOptions } from '../support/sandbox.ts';
import { isRoot, requireTool } from '../support/tools.ts';

const sandbox = createSandbox();
const dataset = sandbox.path('dataset');
const store = sandbox.path('store');
const FILES = { 'a.dat': bytes('content of a'), 'folder/b.dat': bytes('content of b'), 'folder/c.dat': bytes('content of c') };

/** Codes and words of everything a failed command said. */
function said(result: DstoreResult): { codes: string[]; text: string } {
  const codes = `${result.stdout}\n${result.stderr}`.match(/DSTORE_E_[A-Z_]+/g) ?? [];
  return { codes: [...new Set(codes)].map((code) => code.replace('DSTORE_E_', '')), text: result.stdout + result.stderr };
}

/** Runs a command that must fail with one of these codes, say something a person can use, and leave `untouched` as it was. */
async function refused(args: readonly string[], options: RunOptions & { code: string | RegExp; status?: number; untouched?: readonly string[]; mentions?: string | RegExp }): Promise<DstoreResult> {
  const untouched = options.untouched ?? [];
  const before = untouched.map((folder) => snapshot(folder, { git: true }));
  const result = await sandbox.dstore(args, options);
  const { codes, text } = said(result);
  expect(result.status, text).not.toBe(0);
  if (options.status !== undefined) expect(result.status, text).toBe(options.status);
  expect(codes.filter((code) => (typeof options.code === 'string' ? code === options.code : options.code.test(code))), text).not.toEqual([]);
  expect(codes, text).not.toContain('INTERNAL');
  expect(text, 'no stack trace').not.toMatch(/^\s+at .*:\d+:\d+/m);
  if (options.mentions !== undefined) expect(text).toMatch(options.mentions);
  untouched.forEach((folder, index) => expect(withoutCaches(snapshot(folder, { git: true })), folder).toEqual(withoutCaches(before[index] ?? {})));
  return result;
}

/** Files that any command may write without changing what the dataset holds. */
function withoutCaches(seen: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(seen).filter(([path]) => !/(^|\/)\.git\/(index|annex\/(dstore|index|keysdb|othertmp|tmp|journal\.lck|mergedrefs|fsck)|annex\/[\w.-]*\.lck|dstore)(\/|$)/.test(path)),
  );
}

let counter = 0;
async function freshClone(): Promise<string> {
  const clone = sandbox.path(`clone-${counter++}`);
  await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
  return clone;
}

/** A copy of the store that a test may damage. */
async function storeCopy(): Promise<string> {
  const copy = sandbox.path(`store-${counter++}`);
  await sandbox.ok('cp', ['-a', store, copy]);
  return copy;
}

/** Paths of the object files in a store. */
function objectsOf(place: string): string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\/annex\/objects\//.test(`${entry.parentPath}/`) && !/\/ora-remote/.test(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name));
}

function replaceContent(path: string, change: () => void): void {
  const mode = statSync(path).mode;
  chmodSync(path, 0o644);
  change();
  chmodSync(path, mode & 0o777);
}

async function keyOf(path: string): Promise<string> {
  const { records } = await sandbox.dstoreOk(['whereis', path], { cwd: dataset });
  return records[0]?.key ?? '';
}

beforeAll(async () => {
  await sandbox.dstoreOk(['create', dataset]);
  writeFiles(dataset, FILES);
  await sandbox.dstoreOk(['save', '-m', 'content'], { cwd: dataset });
  await sandbox.dstoreOk(['store', 'init', store]);
  await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: dataset });
});

describe('paths and places', () => {
  it.each(['get', 'drop', 'whereis', 'find', 'unlock', 'lock', 'fsck'])('%s of an unknown path', async (command) => {
    await refused([command, 'a.dat', 'no such file.dat'], { cwd: dataset, code: 'PATH_UNKNOWN', mentions: /no such file\.dat/, untouched: [dataset] });
    await refused([command, 'folder/nothing/x'], { cwd: dataset, code: 'PATH_UNKNOWN', untouched: [dataset] });
  });

  it('save of an unknown path', async () => {
    await refused(['save', '-m', 'x', 'nothing.dat'], { cwd: dataset, code: 'PATH_UNKNOWN', untouched: [dataset], mentions: /nothing\.dat/ });
  });

  it.each(['get', 'drop', 'save', 'find'])('%s of a path outside the dataset', async (command) => {
    await refused([command, ...(command === 'save' ? ['-m', 'x'] : []), '../store'], { cwd: dataset, code: 'PATH_OUTSIDE', untouched: [dataset, store] });
    await refused([command, ...(command === 'save' ? ['-m', 'x'] : []), '/etc/passwd'], { cwd: dataset, code: 'PATH_OUTSIDE', untouched: [dataset] });
  });

  it('an unknown command and an unknown option', async () => {
    expect((await sandbox.run(process.execPath, [join(PROJECT, 'bin/dstore.js'), 'gett', 'a.dat'], { cwd: dataset })).status).toBe(2);
    expect((await sandbox.run(process.execPath, [join(PROJECT, 'bin/dstore.js'), 'get', '--fromm', 'x'], { cwd: dataset })).status).toBe(2);
  });

  it('a folder that is no repository', async () => {
    const plain = sandbox.path('plain');
    mkdirSync(plain);
    for (const command of [['get', '.'], ['save', '-m', 'x'], ['status'], ['push'], ['whereis'], ['drop', '.']]) {
      await refused(command, { cwd: plain, code: 'NOT_A_DATASET', status: 10, untouched: [plain] });
    }
  });

  it('a git repository without an annex', async () => {
    const plain = sandbox.path('plain-git');
    await sandbox.git(sandbox.root, 'init', '-q', plain);
    writeFiles(plain, FILES);
    await sandbox.git(plain, 'add', '.');
    await sandbox.git(plain, 'commit', '-qm', 'plain');
    for (const command of [['get', '.'], ['drop', '.'], ['whereis'], ['push', '--to', store]]) {
      await refused(command, { cwd: plain, code: 'NO_ANNEX', status: 10, untouched: [plain, store] });
    }
  });

  it('create where something is, clone where something is', async () => {
    await refused(['create', dataset], { code: 'ALREADY_EXISTS', status: 4, untouched: [dataset] });
    const full = sandbox.path('full');
    mkdirSync(full);
    writeFileSync(join(full, 'mine'), 'mine');
    await refused(['create', full], { code: 'ALREADY_EXISTS', status: 4, untouched: [full] });
    await refused(['clone', `${store}#~data`, full], { code: 'ALREADY_EXISTS', status: 4, untouched: [full] });
    await refused(['store', 'init', full], { code: 'ALREADY_EXISTS', status: 4, untouched: [full] });
  });
});

describe('stores', () => {
  it('no store at the place', async () => {
    const empty = sandbox.path('empty');
    mkdirSync(empty);
    await refused(['clone', `${empty}#~data`, sandbox.path('x1')], { code: 'NOT_A_STORE', status: 10, untouched: [empty] });
    await refused(['push', '--to', empty, '--alias', 'd'], { cwd: dataset, code: 'NOT_A_STORE', untouched: [empty, dataset] });
    await refused(['clone', `${sandbox.path('nowhere')}#~data`, sandbox.path('x1')], { code: 'NOT_A_STORE', status: 10 });
    expect(existsSync(sandbox.path('x1'))).toBe(false);
  });

  it('no dataset of that alias or ID', async () => {
    await refused(['clone', `${store}#~other`, sandbox.path('x2')], { code: 'DATASET_UNKNOWN', status: 10, untouched: [store], mentions: /other/ });
    await refused(['clone', `${store}#00000000-0000-4000-8000-000000000000`, sandbox.path('x2')], { code: 'DATASET_UNKNOWN', status: 10, untouched: [store] });
    expect(existsSync(sandbox.path('x2'))).toBe(false);
  });

  it('no version of that name leaves no clone behind', async () => {
    const result = await sandbox.dstore(['clone', `${store}#~data@no-such-version`, sandbox.path('x3')]);
    expect(result.status).not.toBe(0);
    expect(said(result).text).toMatch(/no-such-version/);
    expect(existsSync(sandbox.path('x3'))).toBe(false);
  });

  it('an alias that is taken', async () => {
    const other = sandbox.path('other');
    await sandbox.dstoreOk(['create', other]);
    writeFiles(other, { 'x.dat': bytes('x') });
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: other });
    await refused(['push', '--to', store, '--alias', 'data'], { cwd: other, code: 'ALIAS_TAKEN', status: 4, untouched: [store, other], mentions: /data/ });
  });

  it.each(['../evil', '..', '.', 'a/b', '', '/tmp/evil', '-x\n'])('an alias that would leave its folder: %j', async (alias) => {
    const other = sandbox.path(`alias-${counter++}`);
    await sandbox.dstoreOk(['create', other]);
    const before = snapshot(store, { git: true });
    const result = await sandbox.dstore(['push', '--to', store, `--alias=${alias}`], { cwd: other });
    expect(result.status, said(result).text).not.toBe(0);
    expect(said(result).codes).not.toContain('INTERNAL');
    expect(snapshot(store, { git: true })).toEqual(before);
    expect(existsSync(sandbox.path('evil'))).toBe(false);
  });

  it.each(['#~../../dataset', '#~..', '#../../etc'])('a reference with .. in it: %s', async (fragment) => {
    const result = await sandbox.dstore(['clone', `${store}${fragment}`, sandbox.path('x4')]);
    expect(result.status, said(result).text).not.toBe(0);
    expect(said(result).codes.join()).toMatch(/URL_INVALID|DATASET_UNKNOWN|NAME_UNSUPPORTED|NOT_A_DATASET|USAGE/);
    expect(existsSync(sandbox.path('x4'))).toBe(false);
  });

  it('an unknown layout version of the store: nothing is written', async () => {
    const copy = await storeCopy();
    writeFileSync(join(copy, 'ria-layout-version'), '9\n');
    const other = sandbox.path('for-unknown-version');
    await sandbox.dstoreOk(['create', other]);
    writeFiles(other, FILES);
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: other });
    await refused(['push', '--to', copy, '--alias', 'new'], { cwd: other, code: 'STORE_VERSION', untouched: [copy, other], mentions: /9/ });
  });

  it('an unknown layout version of a dataset folder: nothing is written', async () => {
    const copy = await storeCopy();
    const clone = sandbox.path('of-unknown-version');
    await sandbox.dstoreOk(['clone', `${copy}#~data`, clone]);
    writeFileSync(join(copy, 'alias/data/ria-layout-version'), '9\n');
    writeFiles(clone, { 'new.dat': bytes('new') });
    await sandbox.dstoreOk(['save', '-m', 'new'], { cwd: clone });
    await refused(['push'], { cwd: clone, code: 'STORE_VERSION', untouched: [copy] });
  });

  it('a layout file with rubbish in it', async () => {
    const copy = await storeCopy();
    writeFileSync(join(copy, 'ria-layout-version'), 'a|b|c\n');
    await refused(['push', '--to', copy, '--alias', 'd2'], { cwd: dataset, code: /STORE_CORRUPT|STORE_VERSION/, untouched: [copy] });
  });

  it('an object folder that is a link to somewhere else: content is verified, so nothing false arrives', async () => {
    const copy = await storeCopy();
    const secret = sandbox.path('secret');
    writeFileSync(secret, 'secret of somebody else');
    const [object = ''] = objectsOf(copy).filter((path) => path.endsWith('.dat') && statSync(path).size > 0);
    chmodSync(join(object, '..'), 0o755);
    rmSync(object);
    symlinkSync(secret, object);
    const clone = sandbox.path(`linked-${counter++}`);
    await sandbox.dstoreOk(['clone', `${copy}#~data`, clone]);
    const result = await sandbox.dstore(['get', '.'], { cwd: clone });
    expect(result.status, said(result).text).toBe(3);
    const arrived = readdirSync(join(clone, '.git/annex/objects'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const entry of arrived) expect(readFileSync(join(entry.parentPath, entry.name), 'utf8')).not.toContain('secret');
    expect(readFileSync(secret, 'utf8')).toBe('secret of somebody else');
  });
});

describe('damaged content', () => {
  it.each([
    ['a truncated object', (path: string) => truncateSync(path, 3)],
    ['an object of other bytes', (path: string) => writeFileSync(path, readFileSync(path).map((byte) => byte ^ 1))],
    ['an object that is too long', (path: string) => appendFileSync(path, 'more')],
    ['an object that is empty', (path: string) => truncateSync(path, 0)],
  ])('%s is not got, the others are', async (_name, damage) => {
    const copy = await storeCopy();
    const key = await keyOf('a.dat');
    const [object = ''] = objectsOf(copy).filter((path) => path.endsWith(`/${key}`));
    replaceContent(object, () => damage(object));
    const clone = sandbox.path(`damaged-${counter++}`);
    await sandbox.dstoreOk(['clone', `${copy}#~data`, clone]);
    const result = await sandbox.dstore(['get', '.'], { cwd: clone });
    expect(result.status, said(result).text).toBe(3);
    const failed = result.records.filter((record) => record.status === 'error');
    expect(failed.map((record) => record.path)).toEqual(['a.dat']);
    expect(failed[0]?.error?.code).toBe('DSTORE_E_CONTENT_CORRUPT');
    expect(existsSync(join(clone, 'a.dat'))).toBe(false);
    expect(readFileSync(join(clone, 'folder/b.dat'), 'utf8')).toBe(FILES['folder/b.dat']);
    // The place with the wrong bytes is not taken for a copy when it is asked to guard a drop.
    if (requireTool('git-annex')) expect((await sandbox.run('git', ['annex', 'fsck', '--quiet', 'folder'], { cwd: clone })).status).toBe(0);
  });

  it('fsck finds wrong bytes here, and says how to get them again', async () => {
    const clone = await freshClone();
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    const object = join(clone, 'a.dat');
    replaceContent(object, () => writeFileSync(object, bytes('content of A')));
    const result = await sandbox.dstore(['fsck'], { cwd: clone });
    expect(result.status).not.toBe(0);
    const failed = result.records.filter((record) => record.status === 'error');
    expect(failed.map((record) => [record.path, record.error?.code])).toEqual([['a.dat', 'DSTORE_E_CONTENT_CORRUPT']]);
    await sandbox.dstoreOk(['get', 'a.dat'], { cwd: clone });
    expect(readFileSync(join(clone, 'a.dat'), 'utf8')).toBe(FILES['a.dat']);
    await sandbox.dstoreOk(['fsck'], { cwd: clone });
  });

  it('content that is lost everywhere', async () => {
    const copy = await storeCopy();
    const key = await keyOf('a.dat');
    const [object = ''] = objectsOf(copy).filter((path) => path.endsWith(`/${key}`));
    removeTree(join(object, '..'));
    const clone = sandbox.path(`lost-${counter++}`);
    await sandbox.dstoreOk(['clone', `${copy}#~data`, clone]);
    await refused(['get', 'a.dat'], { cwd: clone, code: 'CONTENT_UNAVAILABLE', mentions: /a\.dat/ });
  });

  it('a store that cannot be reached guards no drop', async () => {
    const copy = await storeCopy();
    const clone = sandbox.path(`unreachable-${counter++}`);
    await sandbox.dstoreOk(['clone', `${copy}#~data`, clone]);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    renameSync(copy, `${copy}-away`);
    await refused(['drop', 'a.dat'], { cwd: clone, code: 'DROP_UNSAFE', status: 4, untouched: [clone] });
    expect(readFileSync(join(clone, 'a.dat'), 'utf8')).toBe(FILES['a.dat']);
  });

  it('the only copy is not dropped', async () => {
    const alone = sandbox.path('alone');
    await sandbox.dstoreOk(['create', alone]);
    writeFiles(alone, FILES);
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: alone });
    await refused(['drop', '.'], { cwd: alone, code: 'DROP_UNSAFE', status: 4, untouched: [alone] });
    const forced = await sandbox.dstore(['drop', '--force', 'a.dat'], { cwd: alone });
    expect(forced.status).toBe(0);
    expect(existsSync(join(alone, 'a.dat'))).toBe(false);
  });
});

describe('a damaged git-annex branch', () => {
  async function writeBranchFile(clone: string, path: string, content: string): Promise<void> {
    const blob = (await sandbox.ok('git', ['hash-object', '-w', '--stdin'], { cwd: clone, input: content })).trim();
    const index = { GIT_INDEX_FILE: join(clone, '.git/test-index') };
    await sandbox.ok('git', ['read-tree', 'git-annex'], { cwd: clone, env: index });
    await sandbox.ok('git', ['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], { cwd: clone, env: index });
    const tree = (await sandbox.ok('git', ['write-tree'], { cwd: clone, env: index })).trim();
    const commit = (await sandbox.ok('git', ['commit-tree', '-m', 'damage', '-p', 'git-annex', tree], { cwd: clone })).trim();
    await sandbox.git(clone, 'update-ref', 'refs/heads/git-annex', commit);
    rmSync(join(clone, '.git/test-index'));
  }

  async function logPath(clone: string, key: string): Promise<string> {
    return (await sandbox.git(clone, 'ls-tree', '-r', '--name-only', 'git-annex')).split('\n').find((path) => path.endsWith(`/${key}.log`)) ?? '';
  }

  it('lines that are no lines do not hide the others', async () => {
    const clone = await freshClone();
    const path = await logPath(clone, await keyOf('a.dat'));
    const good = await sandbox.git(clone, 'show', `git-annex:${path}`);
    await writeBranchFile(clone, path, `garbage\n\0\n1 \n${good}99999999999999999999s\n`);
    const result = await sandbox.dstore(['whereis', 'a.dat'], { cwd: clone });
    expect(said(result).codes).not.toContain('INTERNAL');
    const copies = (result.records[0]?.details?.['copies'] ?? []) as { uuid: string }[];
    if (requireTool('git-annex')) {
      const theirs = JSON.parse(await sandbox.annex(clone, 'whereis', '--json', 'a.dat')) as { whereis: { uuid: string }[] };
      expect(copies.map((copy) => copy.uuid).sort()).toEqual(theirs.whereis.map((copy) => copy.uuid).sort());
    }
    await sandbox.dstoreOk(['get', 'a.dat'], { cwd: clone });
    expect(readFileSync(join(clone, 'a.dat'), 'utf8')).toBe(FILES['a.dat']);
  });

  it('a transition that nobody knows is not merged', async () => {
    const clone = await freshClone();
    const source = sandbox.path(`transition-${counter++}`);
    await sandbox.dstoreOk(['clone', clone, source]);
    await sandbox.git(clone, 'remote', 'add', 'source', source);
    await writeBranchFile(source, 'transitions.log', 'ForgetTheFuture 1700000000s\n');
    await writeBranchFile(clone, 'numcopies.log', '1700000000s 1\n');
    const before = await sandbox.git(clone, 'rev-parse', 'git-annex');
    const result = await sandbox.dstore(['update', '--from', 'source'], { cwd: clone });
    expect(result.status, said(result).text).not.toBe(0);
    expect(said(result).text).toMatch(/transitions\.log|ForgetTheFuture/);
    expect(await sandbox.git(clone, 'rev-parse', 'git-annex')).toBe(before);
  });

  it('a damaged object of the branch', async () => {
    const clone = await freshClone();
    await writeBranchFile(clone, 'numcopies.log', '1700000000s 1\n');
    const commit = (await sandbox.git(clone, 'rev-parse', 'git-annex')).trim();
    const tree = (await sandbox.git(clone, 'rev-parse', 'git-annex^{tree}')).trim();
    for (const oid of [commit, tree]) {
      const loose = join(clone, '.git/objects', oid.slice(0, 2), oid.slice(2));
      chmodSync(loose, 0o644);
      writeFileSync(loose, 'no object at all');
    }
    const result = await sandbox.dstore(['get', 'a.dat'], { cwd: clone });
    expect(result.status).not.toBe(0);
    expect(said(result).codes.join()).toMatch(/^(GIT_CORRUPT|GIT)/);
    expect((await sandbox.git(clone, 'rev-parse', 'git-annex')).trim()).toBe(commit);
  });
});

describe('hostile links', () => {
  it('a folder replaced by a link to elsewhere is not written through', async () => {
    const clone = await freshClone();
    const elsewhere = sandbox.path(`elsewhere-${counter++}`);
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'b.dat'), 'somebody else\'s');
    rmSync(join(clone, 'folder'), { recursive: true });
    symlinkSync(elsewhere, join(clone, 'folder'));
    for (const args of [['get', '.'], ['get', 'folder/b.dat'], ['unlock', 'folder/b.dat'], ['save', '-m', 'x', 'folder/b.dat'], ['drop', 'folder/b.dat']]) {
      const result = await sandbox.dstore(args, { cwd: clone });
      expect(said(result).codes, `${args.join(' ')}: ${said(result).text}`).not.toContain('INTERNAL');
      expect(snapshot(elsewhere)).toEqual({ 'b.dat': expect.stringMatching(/^file/) });
      expect(readFileSync(join(elsewhere, 'b.dat'), 'utf8')).toBe('somebody else\'s');
    }
  });

  it('a link out of the dataset is saved as a link, and what it leads to stays', async () => {
    const clone = await freshClone();
    const outside = sandbox.path('outside.txt');
    writeFileSync(outside, 'outside');
    symlinkSync(outside, join(clone, 'out'));
    await sandbox.dstoreOk(['save', '-m', 'a link'], { cwd: clone });
    expect(readFileSync(outside, 'utf8')).toBe('outside');
    expect(await sandbox.git(clone, 'ls-files', '-s', 'out')).toMatch(/^120000/);
    expect(await sandbox.git(clone, 'cat-file', '-p', 'HEAD:out')).toBe(outside);
  });

  it('a pointer or link to a key with .. in it leads nowhere', async () => {
    const clone = await freshClone();
    symlinkSync('.git/annex/objects/xx/yy/../../../../../evil/../../../../../evil', join(clone, 'evil link'));
    writeFileSync(join(clone, 'evil pointer'), '/annex/objects/../../../evil\n');
    const result = await sandbox.dstore(['get', '.'], { cwd: clone });
    expect(said(result).codes).not.toContain('INTERNAL');
    await sandbox.dstore(['save', '-m', 'evil'], { cwd: clone });
    expect(existsSync(sandbox.path('evil'))).toBe(false);
    expect(existsSync(join(clone, '..', 'evil'))).toBe(false);
  });
});

describe('disks and permissions', () => {
  const mounts: string[] = [];
  afterAll(async () => {
    for (const mount of mounts) await sandbox.run('umount', [mount]);
  });

  /** Mounts a small file system of its own; undefined where this is not allowed. */
  async function smallDisk(mebibytes: number): Promise<string | undefined> {
    const mount = sandbox.path(`disk-${counter++}`);
    mkdirSync(mount);
    const result = await sandbox.run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=755`, 'tmpfs', mount]);
    if (result.status !== 0) return undefined;
    mounts.push(mount);
    return mount;
  }

  it('a full disk', async (context) => {
    const disk = await smallDisk(2);
    if (disk === undefined) return context.skip('file systems cannot be mounted here');
    const big = sandbox.path('big');
    await sandbox.dstoreOk(['create', big]);
    writeFileSync(join(big, 'big.dat'), Buffer.alloc(8 << 20, 'x'));
    writeFileSync(join(big, 'small.dat'), 'small');
    await sandbox.dstoreOk(['save', '-m', 'big'], { cwd: big });
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'big'], { cwd: big });
    const clone = join(disk, 'clone');
    await sandbox.dstoreOk(['clone', `${store}#~big`, clone]);
    // First what is asked before anything is written, then what the system says when the disk is full in the middle of it.
    for (const reserve of ['100MB', '0']) {
      await sandbox.git(clone, 'config', 'annex.diskreserve', reserve);
      const result = await sandbox.dstore(['get', '.'], { cwd: clone });
      expect(result.status, said(result).text).not.toBe(0);
      expect(said(result).codes).toContain('NO_SPACE');
      expect(existsSync(join(clone, 'big.dat'))).toBe(false);
    }
    // Room is made, and the clone is usable.
    await sandbox.ok('mount', ['-o', 'remount,size=64m', disk]);
    await sandbox.dstoreOk(['get', '.'], { cwd: clone });
    expect(statSync(join(clone, 'big.dat')).size).toBe(8 << 20);
    if (requireTool('git-annex')) await sandbox.annex(clone, 'fsck', '--quiet');
  });

  it('a read-only disk', async (context) => {
    const disk = await smallDisk(400);
    if (disk === undefined) return context.skip('file systems cannot be mounted here');
    const clone = join(disk, 'clone');
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    await sandbox.ok('mount', ['-o', 'remount,ro', disk]);
    for (const args of [['get', 'a.dat'], ['unlock', 'a.dat'], ['update']]) {
      const result = await sandbox.dstore(args, { cwd: clone });
      if (args[0] === 'get') {
        expect(result.status, said(result).text).not.toBe(0);
        expect(said(result).codes).toContain('READ_ONLY');
      }
      expect(said(result).codes, `${args.join(' ')}: ${said(result).text}`).not.toContain('INTERNAL');
    }
    // Looking is possible.
    for (const args of [['whereis'], ['find'], ['status'], ['info'], ['log']]) await sandbox.dstoreOk(args, { cwd: clone });
    await refused(['create', join(disk, 'new')], { code: 'READ_ONLY' });
    await refused(['store', 'init', join(disk, 'new-store')], { code: 'READ_ONLY' });
  });

  it('a folder without permission', async (context) => {
    const locked = sandbox.path('locked');
    mkdirSync(locked);
    if (!isRoot()) {
      chmodSync(locked, 0o555);
      await refused(['create', join(locked, 'new')], { code: 'PERMISSION', untouched: [locked] });
      return undefined;
    }
    if (!requireTool('runuser')) return context.skip('runuser is not installed: permissions do not bind root');
    // Root may write everywhere: somebody else has to try.
    const home = sandbox.path('home-of-nobody');
    mkdirSync(home);
    copyFileSync(sandbox.path('home/.gitconfig'), join(home, '.gitconfig'));
    appendFileSync(join(home, '.gitconfig'), '[safe]\n\tdirectory = *\n');
    const asNobody = (args: readonly string[], cwd: string): Promise<{ status: number | null; stdout: string; stderr: string }> =>
      sandbox.run('runuser', ['-u', 'nobody', '--', 'env', `HOME=${home}`, `XDG_CONFIG_HOME=${home}/.config`, process.execPath, join(PROJECT, 'bin/dstore.js'), ...args, '--json'], { cwd });
    const reachable = await asNobody(['--version'], sandbox.root);
    if (reachable.status !== 0 && /EACCES|permission|MODULE_NOT_FOUND/i.test(reachable.stderr)) return context.skip('other users cannot read this checkout');
    const before = [snapshot(store, { git: true }), snapshot(dataset, { git: true })];
    for (const [args, cwd] of [
      [['create', join(locked, 'new')], sandbox.root],
      [['store', 'init', join(locked, 'new-store')], sandbox.root],
      [['clone', `${store}#~data`, join(locked, 'clone')], sandbox.root],
      [['drop', '--force', 'a.dat'], dataset],
      [['unlock', 'a.dat'], dataset],
    ] as const) {
      const result = await asNobody(args, cwd);
      expect(result.status, `${args.join(' ')}: ${result.stdout}${result.stderr}`).not.toBe(0);
      expect(result.stdout + result.stderr).toMatch(/DSTORE_E_PERMISSION/);
      expect(result.stdout + result.stderr).not.toMatch(/DSTORE_E_INTERNAL/);
    }
    expect(readdirSync(locked)).toEqual([]);
    expect([snapshot(store, { git: true }), snapshot(dataset, { git: true })].map(withoutCaches)).toEqual(before.map(withoutCaches));
    return undefined;
  });
});
