// Ctrl-C and SIGKILL at many moments of save, get, push and drop: nothing partial, a true location log, and the next run completes.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { annexCopies, checkClean } from '../support/check-clean.ts';
import { createSandbox } from '../support/sandbox.ts';
import { describeWith } from '../support/tools.ts';
import { contentHere, filesBelow, leftovers, signalled, workTree, writeMany } from './interrupt.ts';

const COUNT = 400;
const LARGE = 200 << 20;
const KILLS = [100, 300, 500];

describeWith(['git-annex'], 'many small files', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const store = sandbox.path('store');

  beforeAll(async () => {
    await sandbox.dstoreOk(['create', made]);
    writeMany(made, COUNT);
    await sandbox.ok('cp', ['-a', made, sandbox.path('unsaved')]);
    await sandbox.dstoreOk(['save', '-m', 'content'], { cwd: made });
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: made });
  });

  /** The log as it stands, before anything has been mended, names this clone for what is here and for nothing else. */
  async function expectTrueLog(dataset: string): Promise<void> {
    const uuid = (await sandbox.git(dataset, 'config', 'annex.uuid')).trim();
    const copies = await annexCopies(sandbox, dataset);
    expect([...copies.values()].filter((uuids) => uuids.includes(uuid)).length, 'copies on record').toBe(contentHere(dataset));
  }

  async function copyOf(name: string, what: string): Promise<string> {
    const copy = sandbox.path(name);
    rmSync(copy, { recursive: true, force: true });
    await sandbox.ok('cp', ['-a', sandbox.path(what), copy]);
    return copy;
  }

  /** Runs a command again; a lock that git would stumble over as well is named and removed by hand. */
  async function again(args: readonly string[], dataset: string): Promise<void> {
    const result = await sandbox.dstore(args, { cwd: dataset });
    if (result.status === 0) return;
    expect(result.status, result.stdout + result.stderr).toBe(11);
    const lock = /rm '([^']+\.lock)'/.exec(JSON.parse(`"${/"hint":"([^\n]*?)"[,}]/.exec(result.stdout)?.[1] ?? ''}"`) as string)?.[1];
    expect(lock, result.stdout).toBeDefined();
    rmSync(lock!);
    await sandbox.dstoreOk(args, { cwd: dataset });
  }

  it('SIGKILL during save: every file is there, the next save completes', async () => {
    for (const delay of KILLS) {
      const dataset = await copyOf('save-kill', 'unsaved');
      await signalled(sandbox, ['save', '-m', 'killed'], dataset, 'SIGKILL', delay);
      expect(workTree(dataset).filter((path) => path.endsWith('.dat')).length, `files after ${delay} ms`).toBe(COUNT);
      await again(['save', '-m', 'again'], dataset);
      expect((await sandbox.git(dataset, 'ls-files', '-z', 'many')).split('\0').length - 1, 'files saved').toBe(COUNT);
      expect(workTree(dataset).filter((path) => /tmp$|dstore-/.test(path))).toEqual([]);
      await expectTrueLog(dataset);
      expect(leftovers(dataset)).toEqual([]);
      expect(await sandbox.git(dataset, 'status', '--porcelain')).toBe('');
    }
    await checkClean(sandbox, sandbox.path('save-kill'));
  });

  it('SIGKILL during get and drop: the log is true after the next run', async () => {
    for (const delay of KILLS) {
      const clone = sandbox.path('get-kill');
      if (!existsSync(clone)) await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
      await signalled(sandbox, ['get'], clone, 'SIGKILL', delay);
      await again(['get'], clone);
      expect(contentHere(clone)).toBe(COUNT);
      await expectTrueLog(clone);
      expect(leftovers(clone)).toEqual([]);
      await signalled(sandbox, ['drop'], clone, 'SIGKILL', delay + 100);
      await again(['drop'], clone);
      expect(contentHere(clone)).toBe(0);
      await expectTrueLog(clone);
      expect(leftovers(clone)).toEqual([]);
      expect(readdirSync(join(clone, '.git/annex/objects')), 'folders and lock files of content that is gone').toEqual([]);
    }
    await checkClean(sandbox, sandbox.path('get-kill'));
  });

  it('SIGKILL as soon as something has changed: the log is corrected by the next command, whatever it is', async () => {
    const clone = sandbox.path('first-change');
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    const objects = join(clone, '.git/annex/objects');
    await signalled(sandbox, ['get'], clone, 'SIGKILL', () => existsSync(objects) && readdirSync(objects).length > 3);
    expect(contentHere(clone)).toBeGreaterThan(0);
    await sandbox.dstore(['get', 'many/0/0.dat'], { cwd: clone });
    await expectTrueLog(clone);
    await sandbox.dstoreOk(['get'], { cwd: clone });
    await signalled(sandbox, ['drop'], clone, 'SIGKILL', () => contentHere(clone) < COUNT);
    await again(['drop', 'many/0/0.dat'], clone);
    await expectTrueLog(clone);
    await checkClean(sandbox, clone);
  });

  it('SIGKILL during push: nothing is left in the store after the next one', async () => {
    for (const delay of KILLS) {
      const source = await copyOf('push-kill', 'made');
      const target = sandbox.path(`target-${delay}`);
      await sandbox.dstoreOk(['store', 'init', target]);
      await signalled(sandbox, ['push', '--to', target, '--alias', 'd'], source, 'SIGKILL', delay);
      await sandbox.dstoreOk(['push', '--to', target, '--alias', 'd'], { cwd: source });
      const inTransfer = filesBelow(target).filter((path) => /\/transfer\/./.test(path));
      expect(inTransfer).toEqual([]);
      const clone = sandbox.path(`clone-${delay}`);
      await sandbox.dstoreOk(['clone', `${target}#~d`, clone]);
      await sandbox.dstoreOk(['get'], { cwd: clone });
      expect(contentHere(clone)).toBe(COUNT);
      if (delay === KILLS.at(-1)) await checkClean(sandbox, clone);
    }
  });

  it.each([['save', ['-m', 'x']], ['get', []], ['drop', []], ['push', []]] as const)('Ctrl-C during %s: status 130, what was finished, no lock or staging left', async (command, rest) => {
    for (const delay of [220, 380]) {
      const place = sandbox.path(`int-${command}-${delay}`);
      const target = sandbox.path(`int-target-${delay}`);
      if (command === 'save') await copyOf(`int-${command}-${delay}`, 'unsaved');
      else if (command === 'push') {
        await copyOf(`int-${command}-${delay}`, 'made');
        await sandbox.dstoreOk(['store', 'init', target]);
      } else {
        await sandbox.dstoreOk(['clone', `${store}#~data`, place]);
        if (command === 'drop') await sandbox.dstoreOk(['get'], { cwd: place });
      }
      const args = [command, ...rest, ...(command === 'push' ? ['--to', target] : [])];
      const end = await signalled(sandbox, args, place, 'SIGINT', delay);
      if (end.signal === null && end.status !== 0) {
        expect(end.status, end.text).toBe(130);
        expect(end.text).toMatch(/interrupted: (\d[\d,]* of|nothing was left half done)/);
      }
      expect(leftovers(place)).toEqual([]);
      if (command === 'get' || command === 'drop') await expectTrueLog(place);
      await sandbox.dstoreOk(args, { cwd: place });
      await expectTrueLog(place);
      expect(await sandbox.git(place, 'status', '--porcelain')).toBe('');
    }
  });

  it('a lock of git\'s that a crash left is named, with what to do; nothing is changed', async () => {
    const dataset = await copyOf('stale-lock', 'unsaved');
    writeFileSync(join(dataset, '.git/index.lock'), '');
    // A young one is waited for.
    utimesSync(join(dataset, '.git/index.lock'), new Date(2020, 1), new Date(2020, 1));
    const result = await sandbox.dstore(['save', '-m', 'x'], { cwd: dataset });
    expect(result.status).toBe(11);
    expect(result.stdout).toContain('.git/index.lock');
    expect(result.stdout).toMatch(/rm '/);
    expect(await sandbox.git(dataset, 'rev-parse', 'HEAD')).toBe(await sandbox.git(sandbox.path('unsaved'), 'rev-parse', 'HEAD'));
    rmSync(join(dataset, '.git/index.lock'));
    await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: dataset });
    await checkClean(sandbox, dataset);
  });
});

describe('one large file', () => {
  const sandbox = createSandbox();
  const made = sandbox.path('made');
  const store = sandbox.path('store');

  beforeAll(async () => {
    await sandbox.dstoreOk(['create', made]);
    const block = Buffer.alloc(LARGE);
    for (let offset = 0; offset < LARGE; offset += 4096) block.writeUInt32LE(offset, offset);
    writeFileSync(join(made, 'large.dat'), block);
    await sandbox.dstoreOk(['save', '-m', 'large'], { cwd: made });
    await sandbox.dstoreOk(['store', 'init', store]);
    await sandbox.dstoreOk(['push', '--to', store, '--alias', 'data'], { cwd: made });
  });

  const sizeOf = (folder: string, name: RegExp): number => {
    if (!existsSync(folder)) return 0;
    try {
      const found = filesBelow(folder).find((path) => name.test(path));
      return found === undefined ? 0 : statSync(join(folder, found), { throwIfNoEntry: false })?.size ?? 0;
    } catch {
      // A folder vanished while it was read.
      return 0;
    }
  };

  it.each(['SIGINT', 'SIGKILL'] as const)('get, %s in the middle: goes on from where it was', async (signal) => {
    const clone = sandbox.path(`get-${signal}`);
    await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    const partial = (): number => sizeOf(join(clone, '.git/annex/tmp'), /^SHA256E-s\d+--[0-9a-f]{64}\.dat$/);
    const end = await signalled(sandbox, ['get'], clone, signal, () => partial() > LARGE / 5);
    if (signal === 'SIGINT') expect(end.status, end.text).toBe(130);
    expect(existsSync(join(clone, 'large.dat'))).toBe(false);
    const kept = partial();
    expect(kept).toBeGreaterThan(LARGE / 5);
    let smallest = LARGE;
    await signalled(sandbox, ['get'], clone, 'SIGINT', () => {
      const size = partial();
      if (size > 0) smallest = Math.min(smallest, size);
      return false;
    });
    expect(smallest, 'never began anew').toBeGreaterThanOrEqual(kept);
    expect(readFileSync(join(clone, 'large.dat')).equals(readFileSync(join(made, 'large.dat')))).toBe(true);
    await checkClean(sandbox, clone);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('push, %s in the middle: goes on from where it was, nothing stays beside', async (signal) => {
    const source = sandbox.path(`push-${signal}`);
    const target = sandbox.path(`target-${signal}`);
    await sandbox.ok('cp', ['-a', made, source]);
    await sandbox.dstoreOk(['store', 'init', target]);
    const partial = (): number => sizeOf(target, /\/transfer\/SHA256E-s\d+--[0-9a-f]{64}\.dat$/);
    const end = await signalled(sandbox, ['push', '--to', target, '--alias', 'd'], source, signal, () => partial() > LARGE / 5);
    if (signal === 'SIGINT') expect(end.status, end.text).toBe(130);
    const kept = partial();
    expect(kept).toBeGreaterThan(LARGE / 5);
    expect(sizeOf(target, /\/annex\/objects\/.*\.dat$/), 'nothing partial under its name').toBe(0);
    let smallest = LARGE;
    const second = await signalled(sandbox, ['push', '--to', target, '--alias', 'd'], source, 'SIGINT', () => {
      const size = partial();
      if (size > 0) smallest = Math.min(smallest, size);
      return false;
    });
    expect(second.status, second.text).toBe(0);
    expect(smallest, 'never began anew').toBeGreaterThanOrEqual(kept);
    expect(filesBelow(target).filter((path) => /\/transfer\/./.test(path))).toEqual([]);
    const clone = sandbox.path(`clone-${signal}`);
    await sandbox.dstoreOk(['clone', `${target}#~d`, clone]);
    await sandbox.dstoreOk(['get'], { cwd: clone });
    expect(readFileSync(join(clone, 'large.dat')).equals(readFileSync(join(made, 'large.dat')))).toBe(true);
  });

  it('save, SIGINT and SIGKILL while it is hashed: the file stays as it was', async () => {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const dataset = sandbox.path(`save-${signal}`);
      await sandbox.dstoreOk(['create', dataset]);
      mkdirSync(join(dataset, 'folder'));
      await sandbox.ok('cp', ['-L', join(made, 'large.dat'), join(dataset, 'folder/large.dat')]);
      const end = await signalled(sandbox, ['save', '-m', 'x'], dataset, signal, 250);
      if (signal === 'SIGINT' && end.signal === null) expect([0, 130], end.text).toContain(end.status);
      expect(readFileSync(join(dataset, 'folder/large.dat')).equals(readFileSync(join(made, 'large.dat')))).toBe(true);
      await sandbox.dstoreOk(['save', '-m', 'x'], { cwd: dataset });
      await checkClean(sandbox, dataset);
    }
  });
});
