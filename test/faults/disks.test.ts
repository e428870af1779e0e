// Full disks, clones that cannot be written to, folders without permission, wrong bytes in a store with a second place to get them from.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { checkClean } from '../support/check-clean.ts';
import { snapshot } from '../support/fixtures.ts';
import { PROJECT } from '../support/project.ts';
import { createSandbox } from '../support/sandbox.ts';
import { isRoot } from '../support/tools.ts';
import { contentHere, leftovers } from './interrupt.ts';

const sandbox = createSandbox();
const made = sandbox.path('made');
const store = sandbox.path('store');
const mounts: string[] = [];
const MEBIBYTE = 1 << 20;

beforeAll(async () => {
  await sandbox.dstoreOk(['create', made]);
  for (let index = 0; index < 24; index++) writeFileSync(join(made, `${index}.dat`), Buffer.alloc(MEBIBYTE, `${index} `));
  await sandbox.dstoreOk(['save', '-m', 'content'], { cwd: made });
  await sandbox.dstoreOk(['store', 'init', store]);
  await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: made });
});

afterAll(async () => {
  for (const mount of mounts) await sandbox.run('umount', [mount]);
});

async function smallDisk(context: TestContext, mebibytes: number): Promise<string> {
  const mount = sandbox.path(`disk-${mounts.length}`);
  mkdirSync(mount);
  const result = await sandbox.run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=755`, 'tmpfs', mount]);
  if (result.status !== 0) context.skip('file systems cannot be mounted here');
  mounts.push(mount);
  return mount;
}

/** Fills what is left of a disk to the last block. */
function fill(path: string): void {
  const descriptor = openSync(path, 'w');
  try {
    for (;;) writeSync(descriptor, Buffer.alloc(4096, 1));
  } catch {
    closeSync(descriptor);
  }
}

describe('full disks', () => {
  it('get: two at once do not fit; what fits is here and on record, the rest is named', async (context) => {
    const disk = await smallDisk(context, 18);
    const clone = join(disk, 'clone');
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    await sandbox.git(clone, 'config', 'annex.diskreserve', '0');
    const names = Array.from({ length: 24 }, (_, index) => `${index}.dat`);
    const both = await Promise.all([sandbox.dstore(['get', ...names.slice(0, 12)], { cwd: clone }), sandbox.dstore(['get', ...names.slice(12)], { cwd: clone })]);
    const failed = both.flatMap(({ stdout }) => stdout.match(/DSTORE_E_[A-Z_]+/g) ?? []);
    expect(failed.length).toBeGreaterThan(0);
    expect(new Set(failed)).toEqual(new Set(['DSTORE_E_NO_SPACE']));
    expect(contentHere(clone)).toBe(both.flatMap(({ records }) => records.filter(({ status }) => status === 'ok')).length);
    expect(leftovers(clone)).toEqual([]);
    // Dropping is the way out, even with nothing left at all.
    fill(join(disk, 'filler'));
    await sandbox.dstoreOk(['drop'], { cwd: clone });
    rmSync(join(disk, 'filler'));
    await checkClean(sandbox, clone);
  });

  it('save: every file stays as it was, and is saved when there is room', async (context) => {
    const disk = await smallDisk(context, 12);
    const dataset = join(disk, 'dataset');
    await sandbox.dstoreOk(['create', dataset]);
    await sandbox.git(dataset, 'config', 'annex.addunlocked', 'true');
    for (let index = 0; index < 4; index++) writeFileSync(join(dataset, `${index}.dat`), Buffer.alloc(MEBIBYTE, `${index} `));
    fill(join(disk, 'filler'));
    const result = await sandbox.dstore(['save', '-m', 'x'], { cwd: dataset });
    expect(result.status).not.toBe(0);
    expect(result.stdout).toContain('DSTORE_E_NO_SPACE');
    for (let index = 0; index < 4; index++) expect(readFileSync(join(dataset, `${index}.dat`)).equals(Buffer.alloc(MEBIBYTE, `${index} `))).toBe(true);
    expect(leftovers(dataset)).toEqual([]);
    rmSync(join(disk, 'filler'));
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: dataset });
    await checkClean(sandbox, dataset);
  });

  it('push: what fits is stored, the branch is not published, nothing partial stays', async (context) => {
    const disk = await smallDisk(context, 12);
    const source = sandbox.path('source');
    await sandbox.ok('cp', ['-a', made, source]);
    await sandbox.dstoreOk(['store', 'init', join(disk, 'store')]);
    const result = await sandbox.dstore(['push', '--to', join(disk, 'store'), '--alias', 'd'], { cwd: source });
    expect(result.status).not.toBe(0);
    expect(result.stdout).toContain('DSTORE_E_NO_SPACE');
    const inside = readdirSync(join(disk, 'store'), { recursive: true, encoding: 'utf8' });
    expect(inside.filter((path) => /\/transfer\/./.test(path))).toEqual([]);
    expect(await sandbox.run('git', ['--git-dir', join(disk, 'store/alias/d'), 'rev-parse', '--verify', 'refs/heads/main'])).toMatchObject({ status: 128 });
    expect(contentHere(source)).toBe(24);
    expect(await sandbox.git(source, 'status', '--porcelain')).toBe('');
  });
});

describe.skipIf(!isRoot())('another user\'s clone', () => {
  const clone = sandbox.path('owned');
  const asNobody = (args: readonly string[], cwd = clone): ReturnType<typeof sandbox.run> =>
    sandbox.run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, join(PROJECT, 'bin/dstore.js'), ...args], {
      cwd, env: { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' },
    });

  beforeAll(async () => {
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    await sandbox.dstoreOk(['get', '0.dat', '1.dat'], { cwd: clone });
    await sandbox.ok('chmod', ['-R', 'a+rX', sandbox.root]);
    await sandbox.ok('chmod', ['-R', 'a-w', clone]);
  });

  afterAll(async () => void (await sandbox.run('chmod', ['-R', 'u+w', clone])));

  it.each([[['find', '--in', 'here']], [['whereis', '0.dat']], [['status']], [['info']], [['log']], [['remote', 'list']], [['get', '-n', '2.dat']], [['drop', '-n', '0.dat']], [['fsck', '0.dat']]])(
    '%s works', async (args) => {
      const before = snapshot(clone, { git: true });
      const result = await asNobody(args);
      expect(result.status, result.stdout + result.stderr).toBe(0);
      expect(snapshot(clone, { git: true })).toEqual(before);
    },
  );

  it.each([[['get', '2.dat']], [['drop', '0.dat']], [['unlock', '0.dat']], [['push', '--to', 'elsewhere']]])('%s is refused and changes nothing', async (args) => {
    const before = snapshot(clone, { git: true });
    const result = await asNobody(args);
    expect(result.status).not.toBe(0);
    expect(result.stderr).toMatch(/error: /);
    expect(result.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
    if (args[0] === 'get' || args[0] === 'drop') expect(result.stderr).toMatch(/this clone cannot be changed.*permission denied/);
    expect(snapshot(clone, { git: true })).toEqual(before);
  });

  it('a folder that may not be read: status and save say which, and change nothing', async () => {
    const mine = sandbox.path('mine');
    await sandbox.dstoreOk(['create', mine]);
    mkdirSync(join(mine, 'closed'));
    writeFileSync(join(mine, 'closed/secret.dat'), 'secret');
    writeFileSync(join(mine, 'open.dat'), 'open');
    await sandbox.ok('chown', ['-R', '65534:65534', mine]);
    await sandbox.ok('chown', ['0:0', join(mine, 'closed')]);
    chmodSync(join(mine, 'closed'), 0o700);
    const before = await sandbox.git(mine, '-c', 'safe.directory=*', 'rev-parse', 'HEAD');
    for (const args of [['status'], ['save', '-m', 'x']]) {
      const result = await asNobody(args, mine);
      expect(result.status, result.stdout).not.toBe(0);
      expect(result.stderr).toMatch(/closed.*permission denied/);
    }
    expect(await sandbox.git(mine, '-c', 'safe.directory=*', 'rev-parse', 'HEAD')).toBe(before);
    expect(readFileSync(join(mine, 'open.dat'), 'utf8')).toBe('open');
  });
});

describe('wrong bytes', () => {
  it.each(['flipped', 'truncated'] as const)('%s in one place: set aside, taken from the next', async (how) => {
    const target = sandbox.path(`store-${how}`);
    await sandbox.ok('cp', ['-a', store, target]);
    const clone = sandbox.path(`clone-${how}`);
    await sandbox.dstoreOk(['clone', `${target}#~data`, clone]);
    const object = readdirSync(target, { recursive: true, encoding: 'utf8' }).map((path) => join(target, path))
      .find((path) => /annex\/objects\/.*\/SHA256E-[^/]+$/.test(path) && existsSync(path) && readdirSync(join(path, '..')).length === 1 && !readdirSync(join(path, '..'), { withFileTypes: true })[0]!.isDirectory())!;
    chmodSync(object, 0o644);
    if (how === 'truncated') truncateSync(object, 1000);
    else writeFileSync(object, Buffer.alloc(MEBIBYTE, 'wrong '));
    const alone = await sandbox.dstore(['get'], { cwd: clone });
    expect(alone.status).toBe(3);
    const [failure] = alone.records.filter(({ status }) => status === 'error');
    expect(failure?.error).toMatchObject({ code: 'DSTORE_E_CONTENT_CORRUPT' });
    expect(existsSync(join(clone, failure!.path!))).toBe(false);
    expect(contentHere(clone)).toBe(23);
    await sandbox.git(clone, 'remote', 'add', 'maker', made);
    await sandbox.git(clone, 'fetch', '-q', 'maker');
    const result = await sandbox.dstoreOk(['get'], { cwd: clone });
    expect(result.records.filter(({ status }) => status === 'ok')).toMatchObject([{ remote: 'maker' }]);
    expect(contentHere(clone)).toBe(24);
    await checkClean(sandbox, clone);
  });
});
