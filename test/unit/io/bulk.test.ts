import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync, existsSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, truncateSync,
  utimesSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { quietOp } from '../../../src/core/op.ts';
import type { Op } from '../../../src/core/op.ts';
import { openBulkIo } from '../../../src/io/bulk.ts';
import type { BulkIo, BulkTasks, StatData } from '../../../src/io/bulk.ts';
import { createHasher, hashBytes, loadHasher } from '../../../src/io/hashing.ts';
import { itemFailure } from '../../../src/io/item-failure.ts';
import { findProgram } from '../../../src/io/subprocess.ts';
import { buildWorker, bundleForNode } from './helpers.ts';

const isRoot = process.getuid?.() === 0;
const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');
const MiB = 1024 * 1024;

let workerFolder: string;
let folder: string;
const pools: { name: string; open: () => BulkIo }[] = [
  { name: 'on the main thread', open: () => openBulkIo({ workers: 0 }) },
  { name: 'in workers', open: () => openBulkIo({ workers: 2, workerFile: join(workerFolder, 'bulk-worker.js') }) },
];

beforeAll(async () => {
  workerFolder = mkdtempSync(join(tmpdir(), 'dstore-worker-'));
  await buildWorker(workerFolder);
});
afterAll(() => {
  rmSync(workerFolder, { recursive: true, force: true });
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dstore-bulk-'));
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwx', folder]);
  rmSync(folder, { recursive: true, force: true });
});

async function runAll<K extends keyof BulkTasks>(
  io: BulkIo, task: K, items: readonly BulkTasks[K]['item'][], shared?: BulkTasks[K]['options'], op: Op = quietOp(),
): Promise<BulkTasks[K]['result'][]> {
  const results: BulkTasks[K]['result'][] = [];
  const seen = new Set<number>();
  await io.run(task, items, (result, index) => {
    expect(seen.has(index)).toBe(false);
    seen.add(index);
    results[index] = result;
  }, op, shared === undefined ? {} : { shared });
  expect(seen.size).toBe(items.length);
  return results;
}

function statOf(path: string): StatData {
  const stat = lstatSync(path, { bigint: true });
  const seconds = (ns: bigint): number => Number(ns / 1_000_000_000n);
  const rest = (ns: bigint): number => Number(ns % 1_000_000_000n);
  return {
    ctimeSeconds: seconds(stat.ctimeNs), ctimeNanoseconds: rest(stat.ctimeNs), mtimeSeconds: seconds(stat.mtimeNs), mtimeNanoseconds: rest(stat.mtimeNs),
    dev: Number(stat.dev), ino: Number(stat.ino), mode: Number(stat.mode), uid: Number(stat.uid), gid: Number(stat.gid), size: Number(stat.size),
  };
}

function object(name: string): string {
  return join(folder, 'objects', `x${name.slice(-1)}`, 'yy', name, name);
}

describe('hashing', () => {
  it.each([
    ['md5', 'd41d8cd98f00b204e9800998ecf8427e'], ['sha1', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['blake2b-160', '3345524abf6bbe1809449224b5972c41790b6cf2'],
  ])('computes %s of nothing as git-annex prints it', async (hash, hex) => {
    const make = await loadHasher(hash);
    expect(make().digest()).toBe(hex);
    expect(hashBytes(hash, Buffer.alloc(0))).toBe(hex);
  });

  it.skipIf(findProgram('git-annex') === undefined)('agrees with git-annex for every backend', async () => {
    execFileSync('git', ['init', '-q', folder]);
    const data = randomBytes(100_000);
    writeFileSync(join(folder, 'f'), data);
    const names: Record<string, string> = {};
    for (const bits of [224, 256, 384, 512]) {
      names[`SHA${bits}`] = `sha${bits}`;
      names[`SHA3_${bits}`] = `sha3-${bits}`;
    }
    for (const bits of [160, 224, 256, 384, 512]) names[`BLAKE2B${bits}`] = `blake2b-${bits}`;
    for (const bits of [160, 224, 256]) names[`BLAKE2S${bits}`] = `blake2s-${bits}`;
    for (const [backend, hash] of Object.entries({ ...names, SHA1: 'sha1', MD5: 'md5' })) {
      const key = execFileSync('git', ['-C', folder, 'annex', 'calckey', `--backend=${backend}`, 'f'], { encoding: 'utf8' }).trim();
      const hasher = (await loadHasher(hash))();
      hasher.update(data.subarray(0, 70_001));
      hasher.update(data.subarray(70_001));
      expect(`${backend}-s100000--${hasher.digest()}`).toBe(key);
    }
  }, 60_000);

  it('refuses names that it cannot compute', async () => {
    for (const hash of ['skein256', 'blake2b-1024', 'blake2s-512', 'constructor']) {
      expect(() => createHasher(hash)).toThrow(expect.objectContaining({ code: 'KEY_UNSUPPORTED' }));
      await expect(loadHasher(hash)).rejects.toMatchObject({ code: 'KEY_UNSUPPORTED' });
    }
  });
});

describe.each(pools)('bulk tasks $name', ({ open }) => {
  let io: BulkIo;
  beforeEach(() => {
    io = open();
  });
  afterEach(async () => {
    await io.close();
  });

  it('hashes small, large, empty, missing and odd files', async () => {
    const large = randomBytes(3 * MiB + 17);
    writeFileSync(join(folder, 'large'), large);
    writeFileSync(join(folder, 'empty'), '');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const items = [
      { path: join(folder, 'large'), hash: 'sha256' }, { path: join(folder, 'empty'), hash: 'blake2s-160' }, { path: join(folder, 'none'), hash: 'md5' },
      { path: folder, hash: 'md5' }, { path: join(folder, 'pipe'), hash: 'md5' },
    ];
    for (let i = 0; i < 600; i++) {
      writeFileSync(join(folder, `f${i}`), `content ${i}`);
      items.push({ path: join(folder, `f${i}`), hash: 'sha256' });
    }
    const results = await runAll(io, 'hash', items);
    expect(results[0]).toEqual({ digest: sha256(large), size: large.length, stat: statOf(join(folder, 'large')) });
    expect(results[1]).toMatchObject({ digest: '354c9c33f735962418bdacb9479873429c34916f', size: 0 });
    expect(results.slice(2, 5).map((result) => result.error?.code)).toEqual(['ENOENT', 'NOTFILE', 'NOTFILE']);
    for (let i = 0; i < 600; i++) expect(results[i + 5]?.digest).toBe(sha256(`content ${i}`));
  });

  it('copies and verifies, and says what is wrong with which file', async () => {
    const target = (i: number): string => join(folder, `target${i}`);
    for (let i = 0; i < 300; i++) writeFileSync(join(folder, `f${i}`), `content ${i}`);
    const items: BulkTasks['copy']['item'][] = Array.from({ length: 300 }, (_, i) => (
      { source: join(folder, `f${i}`), target: target(i), hash: 'sha256', digest: sha256(`content ${i}`), size: `content ${i}`.length, mode: 0o444 }
    ));
    items[7] = { ...items[7]!, digest: sha256('other') };
    items[8] = { ...items[8]!, size: 5 };
    items[9] = { ...items[9]!, size: 50 };
    items[10] = { ...items[10]!, source: join(folder, 'none') };
    writeFileSync(target(11), 'in the way');
    items[12] = { ...items[12]!, target: join(folder, 'none/t') };
    items[13] = { source: join(folder, 'f13'), target: target(13) };
    const results = await runAll(io, 'copy', items);
    expect(results[7]).toMatchObject({ digest: sha256('content 7'), error: { code: 'MISMATCH' } });
    expect(readFileSync(target(7), 'utf8')).toBe('content 7');
    expect(results[8]?.error).toMatchObject({ code: 'SIZE', side: 'source' });
    expect(results[9]?.error).toMatchObject({ code: 'SIZE', side: 'source' });
    expect(existsSync(target(8)) || existsSync(target(9))).toBe(false);
    expect(results[10]?.error).toMatchObject({ code: 'ENOENT', side: 'source' });
    expect(results[11]?.error).toMatchObject({ code: 'EEXIST', side: 'target' });
    expect(readFileSync(target(11), 'utf8')).toBe('in the way');
    expect(results[12]?.error).toMatchObject({ code: 'ENOENT', side: 'target' });
    expect(results[13]).toEqual({ bytes: 10 });
    for (let i = 14; i < 300; i++) {
      expect(results[i]).toEqual({ bytes: `content ${i}`.length, digest: sha256(`content ${i}`) });
      expect(readFileSync(target(i), 'utf8')).toBe(`content ${i}`);
    }
    expect(statSync(target(20)).mode & 0o777).toBe(0o444 & ~process.umask());
  });

  it('resumes large copies, right and damaged ones, and restarts small ones', async () => {
    const data = randomBytes(20 * MiB + 5);
    const source = join(folder, 'source');
    writeFileSync(source, data);
    const partials: Record<string, Uint8Array> = {
      good: data.subarray(0, 7 * MiB + 3), bad: Buffer.concat([data.subarray(0, MiB), randomBytes(MiB)]), whole: data, longer: Buffer.concat([data, Buffer.from('x')]),
    };
    for (const [name, bytes] of Object.entries(partials)) writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, 'small-source'), 'small');
    writeFileSync(join(folder, 'small'), 'sm', { mode: 0o444 });
    const names = [...Object.keys(partials), 'none'];
    const items: BulkTasks['copy']['item'][] = names.map((name) => (
      { source, target: join(folder, name), hash: 'sha256', digest: sha256(data), size: data.length, mode: 0o444, resume: true }
    ));
    items.push({ source: join(folder, 'small-source'), target: join(folder, 'small'), hash: 'sha256', digest: sha256('small'), resume: true });
    const results = await runAll(io, 'copy', items);
    for (const [i, name] of names.entries()) {
      expect(results[i]).toEqual({ bytes: data.length, digest: sha256(data) });
      expect(readFileSync(join(folder, name)).equals(data)).toBe(true);
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o444 & ~process.umask());
    }
    expect(readFileSync(join(folder, 'small'), 'utf8')).toBe('small');
  });

  it('hands one large file to two threads and still finds wrong bytes, reporting progress', async () => {
    const data = randomBytes(33 * MiB + 1);
    writeFileSync(join(folder, 'source'), data);
    const seen: number[] = [];
    const base = { source: join(folder, 'source'), hash: 'sha256', size: data.length };
    await io.run('copy', [{ ...base, target: join(folder, 'a'), digest: sha256(data) }], (result) => {
      expect(result).toEqual({ bytes: data.length, digest: sha256(data) });
    }, quietOp(), { onBytes: (bytes) => seen.push(bytes) });
    expect(seen.at(-1)).toBe(data.length);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    expect(readFileSync(join(folder, 'a')).equals(data)).toBe(true);
    const [wrong] = await runAll(io, 'copy', [{ ...base, target: join(folder, 'b'), digest: sha256('no') }]);
    expect(wrong).toMatchObject({ digest: sha256(data), error: { code: 'MISMATCH' } });
    // The writing thread fails at once; the hashing thread must not wait for it for ever.
    const [failed] = await runAll(io, 'copy', [{ ...base, target: join(folder, 'none/b'), digest: sha256(data) }]);
    expect(failed?.error).toMatchObject({ code: 'ENOENT', side: 'target' });
    const [cloned] = await runAll(io, 'copy', [{ ...base, target: join(folder, 'c'), digest: sha256(data), mode: 0o444 }], { clone: true });
    expect(cloned).toEqual({ bytes: data.length, digest: sha256(data) });
    expect(statSync(join(folder, 'c')).mode & 0o777).toBe(0o444 & ~process.umask());
  });

  it('places objects, keeps what is there, and freezes the directory', async () => {
    const items: BulkTasks['place']['item'][] = [];
    for (let i = 0; i < 200; i++) {
      writeFileSync(join(folder, `t${i}`), `new ${i}`);
      items.push({ source: join(folder, `t${i}`), target: object(`F${i}`), fileMode: 0o444, directoryMode: 0o555 });
    }
    mkdirSync(dirname(object('F1')), { recursive: true });
    writeFileSync(object('F1'), 'old');
    chmodSync(dirname(object('F1')), 0o555);
    mkdirSync(dirname(object('F2')), { recursive: true });
    chmodSync(dirname(object('F2')), 0o555);
    items[3] = { ...items[3]!, source: join(folder, 'none') };
    const results = await runAll(io, 'place', items);
    expect(results[1]).toEqual({ existed: true });
    expect(readFileSync(object('F1'), 'utf8')).toBe('old');
    expect(existsSync(join(folder, 't1'))).toBe(false);
    expect(results[3]?.error).toMatchObject({ code: 'ENOENT', side: 'source' });
    for (const i of [0, 2, 4, 199]) {
      expect(results[i]).toEqual({ existed: false });
      expect(readFileSync(object(`F${i}`), 'utf8')).toBe(`new ${i}`);
      expect(statSync(object(`F${i}`)).mode & 0o777).toBe(0o444);
      expect(statSync(dirname(object(`F${i}`))).mode & 0o777).toBe(0o555);
    }
  });

  it('gives new directories the permissions of a shared repository', async () => {
    writeFileSync(join(folder, 't'), 'x');
    await runAll(io, 'place', [{ source: join(folder, 't'), target: object('F1'), fileMode: 0o444, parentShared: 'group' }]);
    for (const path of [dirname(object('F1')), dirname(dirname(object('F1')))]) expect(statSync(path).mode & 0o7770).toBe(0o2770);
  });

  it('moves work tree files into the annex', async () => {
    const item = (name: string, content: string, mode = 0o644): BulkTasks['annex']['item'] => {
      const path = join(folder, name);
      writeFileSync(path, content, { mode });
      chmodSync(path, mode);
      return { path, objectPath: object(`K${name}`), linkTarget: `objects/K${name}`, expect: statOf(path) };
    };
    const plain = item('plain', 'plain');
    const script = item('script', 'script', 0o755);
    const edited = item('edited', 'edited');
    writeFileSync(edited.path, 'EDITED');
    utimesSync(edited.path, 1, 1);
    const gone = item('gone', 'gone');
    rmSync(gone.path);
    const unlocked = { ...item('unlocked', 'unlocked'), linkTarget: '' };
    const twice = item('twice', 'plain');
    const known = { ...twice, objectPath: plain.objectPath };
    const wrong = { ...item('wrong', 'of another size'), objectPath: plain.objectPath };
    const [first] = await runAll(io, 'annex', [plain]);
    expect(first).toEqual({ existed: false, stat: statOf(plain.path) });
    const results = await runAll(io, 'annex', [script, edited, gone, unlocked, known, wrong]);
    expect(readlinkSync(plain.path)).toBe(plain.linkTarget);
    expect(readFileSync(plain.objectPath, 'utf8')).toBe('plain');
    expect(statSync(plain.objectPath)).toMatchObject({ nlink: 1 });
    expect(statSync(plain.objectPath).mode & 0o777).toBe(0o444);
    expect(statSync(dirname(plain.objectPath)).mode & 0o777).toBe(0o555);
    expect(statSync(script.objectPath).mode & 0o777).toBe(0o555);
    expect(results.map((result) => result.error?.code)).toEqual([undefined, 'CHANGED', 'ENOENT', undefined, undefined, 'SIZE']);
    expect(readFileSync(edited.path, 'utf8')).toBe('EDITED');
    expect(statSync(edited.path).mode & 0o777).toBe(0o644);
    expect(existsSync(edited.objectPath)).toBe(false);
    expect(lstatSync(unlocked.path).isFile()).toBe(true);
    expect(statSync(unlocked.path).mode & 0o777).toBe(0o644);
    expect(readFileSync(unlocked.objectPath, 'utf8')).toBe('unlocked');
    expect(statSync(unlocked.objectPath).ino).not.toBe(statSync(unlocked.path).ino);
    expect(results[3]?.stat).toEqual(statOf(unlocked.path));
    expect(results[4]).toEqual({ existed: true, stat: statOf(twice.path) });
    expect(readlinkSync(twice.path)).toBe(twice.linkTarget);
    expect(readFileSync(wrong.path, 'utf8')).toBe('of another size');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('takes a file with other hard links without keeping it writable', async () => {
    const path = join(folder, 'f');
    writeFileSync(path, 'x');
    linkSync(path, join(folder, 'g'));
    await runAll(io, 'annex', [{ path, objectPath: object('K1'), linkTarget: 't', expect: statOf(path) }]);
    expect(statSync(object('K1')).mode & 0o777).toBe(0o444);
    expect(readFileSync(join(folder, 'g'), 'utf8')).toBe('x');
  });

  it('removes objects with the directories that become empty', async () => {
    for (let i = 0; i < 120; i++) {
      mkdirSync(dirname(object(`F${i}`)), { recursive: true });
      writeFileSync(object(`F${i}`), 'xyz', { mode: 0o444 });
      chmodSync(dirname(object(`F${i}`)), 0o555);
    }
    const results = await runAll(io, 'remove', [...Array.from({ length: 119 }, (_, i) => ({ path: object(`F${i}`) })), { path: object('absent') }]);
    expect(results[0]).toEqual({ removed: true, bytes: 3 });
    expect(results[119]).toEqual({ removed: false, bytes: 0 });
    expect(readdirSync(join(folder, 'objects'))).toEqual(['x9']);
    expect(readFileSync(object('F119'), 'utf8')).toBe('xyz');
    await runAll(io, 'remove', [{ path: object('F119') }]);
    expect(readdirSync(join(folder, 'objects'))).toEqual([]);
  });

  it('finds the first place that has a file, and never takes trouble for absence', async () => {
    writeFileSync(join(folder, 'f'), 'abc');
    symlinkSync('loop', join(folder, 'loop'));
    const results = await runAll(io, 'stat', [
      { paths: [join(folder, 'none'), join(folder, 'f/below'), join(folder, 'f')] }, { paths: [join(folder, 'none')] },
      { paths: [join(folder, 'loop/x'), join(folder, 'f')] }, { paths: [folder] },
    ]);
    expect(results[0]).toEqual({ found: 2, size: 3 });
    expect(results[1]).toEqual({ found: -1 });
    expect(results[2]?.error?.code).toBe('ELOOP');
    expect(results[3]?.error?.code).toBe('NOTFILE');
  });

  it('reads links', async () => {
    symlinkSync('to/there', join(folder, 'l'));
    writeFileSync(join(folder, 'f'), '');
    const results = await runAll(io, 'readlink', [{ path: join(folder, 'l') }, { path: join(folder, 'f') }, { path: join(folder, 'none') }]);
    expect(results[0]).toEqual({ target: 'to/there', stat: statOf(join(folder, 'l')) });
    expect(results[1]).toEqual({ stat: statOf(join(folder, 'f')) });
    expect(results[2]?.error?.code).toBe('ENOENT');
  });

  it('stops when interrupted, reporting only what was done, and can be used again', async () => {
    const items = Array.from({ length: 3000 }, (_, i) => {
      writeFileSync(join(folder, `f${i}`), 'x');
      return { source: join(folder, `f${i}`), target: join(folder, `t${i}`), hash: 'md5' };
    });
    const controller = new AbortController();
    const reported: number[] = [];
    await expect(io.run('copy', items, (_result, index) => {
      reported.push(index);
      controller.abort();
    }, { signal: controller.signal, emit: () => {} })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(reported.length).toBeLessThan(3000);
    expect(readdirSync(folder).filter((name) => name.startsWith('t')).length).toBe(reported.length);
    await expect(io.run('copy', items, () => {}, { signal: controller.signal, emit: () => {} })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await runAll(io, 'stat', [{ paths: [join(folder, 'f0')] }])).toEqual([{ found: 0, size: 1 }]);
  });

  it('stops inside a large file', async () => {
    writeFileSync(join(folder, 'sparse'), '');
    truncateSync(join(folder, 'sparse'), 8 * 1024 * MiB);
    const controller = new AbortController();
    const items = [1, 2].map((i) => ({ source: join(folder, 'sparse'), target: join(folder, `t${i}`), hash: 'sha256', size: 8 * 1024 * MiB, resume: i === 2 }));
    const run = io.run('copy', io.workers === 0 ? [] : items, () => {
      throw new Error('must not be reported');
    }, { signal: controller.signal, emit: () => {} }, { onBytes: () => controller.abort() });
    if (io.workers === 0) await run;
    else await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
    expect(existsSync(join(folder, 't1'))).toBe(false);
  });

  it('passes on what the caller throws, after the work has ended', async () => {
    const items = Array.from({ length: 200 }, (_, i) => ({ path: join(folder, `none${i}`) }));
    await expect(io.run('readlink', items, () => {
      throw new Error('from the caller');
    }, quietOp())).rejects.toThrow('from the caller');
  });

  it('does several runs at the same time', async () => {
    const items = Array.from({ length: 700 }, (_, i) => {
      writeFileSync(join(folder, `f${i}`), String(i));
      return { path: join(folder, `f${i}`), hash: 'sha256' };
    });
    const [hashes, links, stats] = await Promise.all([
      runAll(io, 'hash', items), runAll(io, 'readlink', items), runAll(io, 'stat', items.map(({ path }) => ({ paths: [path] }))),
    ]);
    expect(hashes[699]?.digest).toBe(sha256('699'));
    expect(links[5]?.stat?.size).toBe(1);
    expect(stats[100]).toEqual({ found: 0, size: 3 });
  });

  it.skipIf(!isRoot)('reports a full disk as such and leaves no piece of a small file', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    try {
      writeFileSync(join(folder, 'half'), randomBytes(900_000));
      const large = randomBytes(17 * MiB);
      writeFileSync(join(folder, 'large'), large);
      const results = await runAll(io, 'copy', [
        ...['a', 'b', 'c'].map((name) => ({ source: join(folder, 'half'), target: join(disk, name), hash: 'md5' })),
        { source: join(folder, 'large'), target: join(disk, 'd'), hash: 'md5', size: large.length },
      ]);
      const failed = results.filter((result) => result.error);
      expect(failed.length).toBeGreaterThanOrEqual(2);
      for (const result of failed) expect(result.error).toMatchObject({ code: 'ENOSPC', side: 'target' });
      expect(readdirSync(disk).length).toBe(results.length - failed.length);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe('failures of items', () => {
  it.each([
    ['CHANGED', 'CONTENT_CHANGED'], ['MISMATCH', 'CONTENT_CORRUPT'], ['SIZE', 'CONTENT_CORRUPT'], ['NOTFILE', 'IO'], ['ENOSPC', 'NO_SPACE'], ['EIO', 'IO'],
  ])('shows %s as %s', (code, shown) => {
    expect(itemFailure({ code, message: 'why' }, 'cannot do it')).toMatchObject({ code: `DSTORE_E_${shown}`, message: 'cannot do it: why' });
  });
});

describe('bulk tasks as an ordinary user', () => {
  it.skipIf(!isRoot || findProgram('setpriv') === undefined)('reports denied access, and places and removes in read-only object directories', async () => {
    chmodSync(folder, 0o755);
    const own = join(folder, 'own');
    mkdirSync(join(own, 'objects/xx/yy/G'), { recursive: true });
    chmodSync(join(own, 'objects/xx/yy/G'), 0o555);
    writeFileSync(join(own, 't'), 'new');
    writeFileSync(join(own, 'u'), 'new');
    execFileSync('chown', ['-R', '65534:65534', own]);
    mkdirSync(join(folder, 'closed'), { mode: 0o700 });
    writeFileSync(join(folder, 'closed/f'), 'secret');
    writeFileSync(join(folder, 'secret'), 'secret', { mode: 0o600 });
    const script = await bundleForNode(`import { openBulkIo } from '../../../src/io/bulk.ts';
      import { quietOp } from '../../../src/core/op.ts';
      import { readdirSync } from 'node:fs';
      const io = openBulkIo({ workers: 0 });
      const folder = ${JSON.stringify(folder)};
      const all = {};
      const run = (name, task, items) => io.run(task, items, (result, index) => { (all[name] ??= [])[index] = result.error?.code ?? result; }, quietOp());
      await run('stat', 'stat', [{ paths: [folder + '/closed/f'] }]);
      await run('copy', 'copy', [{ source: folder + '/secret', target: folder + '/own/s' }, { source: folder + '/own/t', target: folder + '/s' }]);
      await run('remove-closed', 'remove', [{ path: folder + '/closed/f' }]);
      await run('place', 'place', [{ source: folder + '/own/t', target: folder + '/own/objects/xx/yy/F/F', fileMode: 0o444, directoryMode: 0o555 },
        { source: folder + '/own/u', target: folder + '/own/objects/xx/yy/G/G', fileMode: 0o444, directoryMode: 0o555 }]);
      await run('remove', 'remove', [{ path: folder + '/own/objects/xx/yy/F/F' }, { path: folder + '/own/objects/xx/yy/G/G' }]);
      console.log(JSON.stringify({ ...all, left: readdirSync(folder + '/own/objects') }));`, folder);
    const output = execFileSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, script], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual({
      stat: ['EACCES'], copy: ['EACCES', 'EACCES'], 'remove-closed': ['EACCES'], place: [{ existed: false }, { existed: false }],
      remove: [{ removed: true, bytes: 3 }, { removed: true, bytes: 3 }], left: [],
    });
  });
});
