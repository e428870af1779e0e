// What every place that holds content by key must do, whatever it is made of.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forceDrop } from '../../src/core/drop-decision.ts';
import type { KeyText } from '../../src/core/key.ts';
import { quietOp } from '../../src/core/op.ts';
import type { Op } from '../../src/core/op.ts';
import { openBulkIo } from '../../src/io/bulk.ts';
import type { BulkIo } from '../../src/io/bulk.ts';
import type { FetchAnswer, PresenceAnswer, Remote, RemoveAnswer, StoreAnswer } from '../../src/remote/remote.ts';
import { removeTree } from '../support/remove-tree.ts';

/** One place made for one test. */
export interface Place {
  /** What goes when the place is not mounted. */
  readonly directory: string;
  readonly objects: string;
  /** Absolute paths where a reader looks; a writer puts it at the first. */
  paths(key: KeyText): readonly string[];
  /** Folders that hold uploads under way. */
  staging(): string[];
  /** @param client distinguishes writers */
  open(bulk: BulkIo, client?: string): Remote;
}

export interface PlaceKind {
  readonly name: string;
  /** Directories are writable for the group and keep it. */
  readonly shared: boolean;
  /** Mode of the directory around an object in a place that is not shared, with a umask of 022. */
  readonly keyDirectoryMode: number;
  make(folder: string): Place;
}

export interface Content {
  readonly key: KeyText;
  readonly bytes: Buffer;
}

export function content(text: string | Buffer, extension = '.dat'): Content {
  const bytes = Buffer.from(text);
  return { key: `SHA256E-s${bytes.length}--${createHash('sha256').update(bytes).digest('hex')}${extension}`, bytes };
}

/** Keys whose names are hard on file systems, on hash directories or on checks; none has a digest. */
export const HARD_KEYS: readonly Content[] = [
  'URL--http&c%%example.org%a?b=c',
  'URL-s3--http://example.org/a%20b?c=d&e=f:80',
  'WORM-s3-m1700000000--a&b%c:d/e?f',
  'WORM-s3-m1700000000--with space and gr\u00f6\u00dfe.dat',
  'WORM-m1--sizeless',
].map((key) => ({ key, bytes: Buffer.from('abc') }));

export async function check(remote: Remote, keys: readonly KeyText[], op: Op = quietOp()): Promise<Map<KeyText, PresenceAnswer>> {
  return collect<PresenceAnswer>((report) => remote.check(keys, report, op));
}

export async function fetch(remote: Remote, keys: readonly KeyText[], folder: string, op: Op = quietOp()): Promise<Map<KeyText, FetchAnswer>> {
  return collect<FetchAnswer>((report) => remote.fetch(keys.map((key, index) => ({ key, target: join(folder, `${index}`) })), report, op));
}

export async function store(remote: Remote, contents: readonly Content[], folder: string, op: Op = quietOp()): Promise<Map<KeyText, StoreAnswer>> {
  const requests = contents.map(({ key, bytes }, index) => {
    const source = join(folder, `source-${index}`);
    writeFileSync(source, bytes);
    return { key, source };
  });
  return collect<StoreAnswer>((report) => remote.store!(requests, report, op));
}

export async function remove(remote: Remote, keys: readonly KeyText[], op: Op = quietOp()): Promise<Map<KeyText, RemoveAnswer>> {
  return collect<RemoveAnswer>((report) => remote.remove!(keys.map((key) => forceDrop(key, remote.uuid)), report, op));
}

/** Every key is answered once. */
async function collect<A extends { readonly key: KeyText }>(call: (report: (answer: A) => void) => Promise<void>): Promise<Map<KeyText, A>> {
  const answers = new Map<KeyText, A>();
  await call((answer) => {
    expect(answers.has(answer.key), `second answer for ${answer.key}`).toBe(false);
    answers.set(answer.key, answer);
  });
  return answers;
}

export function states(answers: ReadonlyMap<KeyText, { readonly state: string }>): string[] {
  return [...new Set([...answers.values()].map(({ state }) => state))].sort();
}

export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

/** Puts bytes in place as a broken disk or another program would have left them. */
function plant(path: string, bytes: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** Runs something as a user to whom permissions apply. */
async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid!(65534);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}

function abortedOp(): Op {
  const controller = new AbortController();
  controller.abort();
  return { signal: controller.signal, emit: () => {} };
}

const MANY = Array.from({ length: 600 }, (_, index) => content(`content ${index}`, index % 3 === 0 ? '.tar.gz' : ''));

export function describeRemote(kind: PlaceKind): void {
  describe(kind.name, () => {
    let bulk: BulkIo;
    let folder: string;
    let work: string;
    let place: Place;
    let remote: Remote;
    let umask: number;

    beforeAll(() => {
      bulk = openBulkIo({ workers: 2 });
    });
    afterAll(() => bulk.close());
    beforeEach(() => {
      umask = process.umask(0o022);
      folder = realpathSync(mkdtempSync(join(tmpdir(), 'dstore-remote-')));
      chmodSync(folder, 0o755);
      work = join(folder, 'work');
      mkdirSync(work);
      place = kind.make(join(folder, 'place'));
      remote = place.open(bulk);
    });
    afterEach(() => {
      process.umask(umask);
      removeTree(folder);
    });

    /** Nothing under way is left, and every object there is whole. */
    const expectClean = (contents: readonly Content[]): void => {
      expect(place.staging().flatMap(filesBelow)).toEqual([]);
      const known = new Map(contents.flatMap(({ key, bytes }) => place.paths(key).map((path) => [path, bytes] as const)));
      for (const path of filesBelow(place.objects)) expect(known.get(path)?.equals(readFileSync(path)), path).toBe(true);
    };

    it('asked about nothing, answers nothing and changes nothing', async () => {
      const before = filesBelow(place.directory);
      expect((await check(remote, [])).size).toBe(0);
      expect((await fetch(remote, [], work)).size).toBe(0);
      expect((await store(remote, [], work)).size).toBe(0);
      expect((await remove(remote, [])).size).toBe(0);
      expect(filesBelow(place.directory)).toEqual(before);
    });

    it.each([['no bytes', ''], ['one byte', 'x'], ['two megabytes', Buffer.alloc(2 << 20, 'pattern')], ['twenty megabytes', Buffer.alloc(20 << 20, 'large')]])('stores, finds, fetches and removes %s', async (_, bytes) => {
      const one = content(bytes);
      expect(states(await check(remote, [one.key]))).toEqual(['absent']);
      expect(await store(remote, [one], work)).toEqual(new Map([[one.key, { key: one.key, state: 'ok', bytes: one.bytes.length }]]));
      expect(existsSync(place.paths(one.key)[0]!)).toBe(true);
      expect(states(await check(remote, [one.key]))).toEqual(['present']);
      expect(await fetch(remote, [one.key], work)).toEqual(new Map([[one.key, { key: one.key, state: 'ok', bytes: one.bytes.length }]]));
      expect(readFileSync(join(work, '0')).equals(one.bytes)).toBe(true);
      expectClean([one]);
      expect(await remove(remote, [one.key])).toEqual(new Map([[one.key, { key: one.key, state: 'removed', bytes: one.bytes.length }]]));
      expect(states(await check(remote, [one.key]))).toEqual(['absent']);
      expect(readdirSync(place.objects)).toEqual([]);
    });

    it('does many keys in one call and leaves no empty directories', async () => {
      const half = MANY.filter((_, index) => index % 2 === 0);
      const keys = MANY.map(({ key }) => key);
      expect(states(await store(remote, half, work))).toEqual(['ok']);
      const found = await check(remote, keys);
      expect(keys.map((key) => found.get(key)?.state)).toEqual(keys.map((_, index) => (index % 2 === 0 ? 'present' : 'absent')));
      const fetched = await fetch(remote, keys, work);
      for (const [index, { key, bytes }] of MANY.entries()) {
        expect(fetched.get(key)?.state).toBe(index % 2 === 0 ? 'ok' : 'absent');
        expect(existsSync(join(work, `${index}`)) && readFileSync(join(work, `${index}`)).equals(bytes)).toBe(index % 2 === 0);
      }
      expectClean(half);
      const removed = await remove(remote, keys);
      expect(keys.map((key) => removed.get(key)?.state)).toEqual(keys.map((_, index) => (index % 2 === 0 ? 'removed' : 'absent')));
      expect(readdirSync(place.objects)).toEqual([]);
    });

    it('may be told twice to store and to remove', async () => {
      const some = MANY.slice(0, 5);
      expect(states(await store(remote, some, work))).toEqual(['ok']);
      const before = some.map(({ key }) => lstatSync(place.paths(key)[0]!).ino);
      expect(states(await store(remote, some, work))).toEqual(['present']);
      expect(some.map(({ key }) => lstatSync(place.paths(key)[0]!).ino)).toEqual(before);
      expectClean(some);
      expect(states(await remove(remote, some.map(({ key }) => key)))).toEqual(['removed']);
      expect(states(await remove(remote, some.map(({ key }) => key)))).toEqual(['absent']);
    });

    it('stores nothing from a source that is not what the key says, and goes on with the others', async () => {
      const [good, other, shorter, large] = [content('good'), content('abc'), content('longer text'), content(Buffer.alloc(3 << 20, 'a'))];
      const wrong = [{ key: other.key, bytes: Buffer.from('abd') }, { key: shorter.key, bytes: Buffer.from('short') }, { key: large.key, bytes: Buffer.alloc(3 << 20, 'b') }];
      const answers = await store(remote, [...wrong, good], work);
      for (const { key } of wrong) {
        expect(answers.get(key)).toMatchObject({ state: 'corrupt', bytes: 0, error: { code: 'DSTORE_E_CONTENT_CORRUPT' } });
        for (const path of place.paths(key)) expect(existsSync(path)).toBe(false);
      }
      expect(answers.get(good.key)?.state).toBe('ok');
      expectClean([good]);
    });

    it('says which sources are missing or no files', async () => {
      const [good, missing, directory] = [content('good'), content('missing'), content('directory')];
      writeFileSync(join(work, 'good'), good.bytes);
      const requests = [{ key: missing.key, source: join(work, 'nowhere') }, { key: directory.key, source: work }, { key: good.key, source: join(work, 'good') }];
      const answers = await collect<StoreAnswer>((report) => remote.store!(requests, report, quietOp()));
      for (const { key } of [missing, directory]) {
        expect(answers.get(key)).toMatchObject({ state: 'failed', bytes: 0 });
        expect(answers.get(key)?.error?.code).not.toBe('DSTORE_E_INTERNAL');
      }
      expect(answers.get(good.key)?.state).toBe('ok');
      expectClean([good]);
    });

    it('finds objects of the wrong size, never reads them as the content and never takes them for stored', async () => {
      const short = content('the whole content');
      const long = content('brief');
      plant(place.paths(short.key)[0]!, 'the whole');
      plant(place.paths(long.key)[0]!, 'brief, and more');
      for (const { key } of [short, long]) {
        expect((await check(remote, [key])).get(key)).toMatchObject({ state: 'corrupt', error: { code: 'DSTORE_E_CONTENT_CORRUPT' } });
        expect((await fetch(remote, [key], work)).get(key)).toMatchObject({ state: 'corrupt', error: { code: 'DSTORE_E_CONTENT_CORRUPT' } });
      }
      const stored = await store(remote, [short, long], work);
      for (const { key } of [short, long]) expect(stored.get(key)).toMatchObject({ state: 'failed', error: { code: 'DSTORE_E_CONTENT_CORRUPT' } });
      expect(readFileSync(place.paths(short.key)[0]!, 'utf8')).toBe('the whole');
      expect(place.staging().flatMap(filesBelow)).toEqual([]);
    });

    it('finds objects with other bytes of the right size when it fetches them', async () => {
      for (const size of [7, 3 << 20]) {
        const good = content(Buffer.alloc(size, 'good'));
        plant(place.paths(good.key)[0]!, Buffer.alloc(size, 'evil'));
        expect((await fetch(remote, [good.key], work)).get(good.key)).toMatchObject({ state: 'corrupt', error: { code: 'DSTORE_E_CONTENT_CORRUPT' } });
      }
    });

    it('checks content that no digest names for its size alone', async () => {
      const sized = 'WORM-s3-m1--sized';
      const sizeless = 'URL--sizeless';
      plant(place.paths(sizeless)[0]!, 'anything');
      plant(place.paths(sized)[0]!, 'xyz');
      expect(states(await check(remote, [sized, sizeless]))).toEqual(['present']);
      expect(states(await fetch(remote, [sized, sizeless], work))).toEqual(['ok']);
      plant(place.paths(sized)[0]!, 'four');
      expect((await check(remote, [sized])).get(sized)?.state).toBe('corrupt');
      expect((await fetch(remote, [sized], work)).get(sized)?.state).toBe('corrupt');
      expect(states(await store(remote, [{ key: 'WORM-s3-m1--short', bytes: Buffer.from('ab') }], work))).toEqual(['corrupt']);
    });

    it('cannot tell what a directory in place of an object is', async () => {
      const { key } = content('object');
      mkdirSync(place.paths(key)[0]!, { recursive: true });
      const answer = (await check(remote, [key])).get(key);
      expect(answer?.state).toBe('unknown');
      expect(answer?.error?.code).not.toBe('DSTORE_E_INTERNAL');
      expect(['unknown', 'corrupt']).toContain((await fetch(remote, [key], work)).get(key)?.state);
    });

    it('goes on with a partial download, and starts again where that is damaged or too long', async () => {
      const large = content(Buffer.alloc(20 << 20, 'large content'));
      const small = content('small content');
      await store(remote, [large, small], work);
      const damaged = Buffer.from(large.bytes.subarray(0, 5 << 20));
      damaged[1000] = 0;
      for (const part of [large.bytes.subarray(0, 5 << 20), damaged, Buffer.concat([large.bytes, Buffer.from('x')]), large.bytes, Buffer.alloc(0)]) {
        writeFileSync(join(work, '0'), part);
        writeFileSync(join(work, '1'), small.bytes.subarray(0, 3));
        expect(states(await fetch(remote, [large.key, small.key], work))).toEqual(['ok']);
        expect(readFileSync(join(work, '0')).equals(large.bytes)).toBe(true);
        expect(readFileSync(join(work, '1')).equals(small.bytes)).toBe(true);
        for (const name of ['0', '1']) chmodSync(join(work, name), 0o644);
      }
    });

    it('keeps keys with hard names apart', async () => {
      const keys = HARD_KEYS.map(({ key }) => key);
      expect(states(await store(remote, HARD_KEYS, work))).toEqual(['ok']);
      expect(states(await check(remote, keys))).toEqual(['present']);
      for (const key of keys) expect(existsSync(place.paths(key)[0]!), key).toBe(true);
      expect(states(await fetch(remote, keys, work))).toEqual(['ok']);
      expect(states(await remove(remote, keys))).toEqual(['removed']);
      expect(filesBelow(place.objects)).toEqual([]);
    });

    it('finds and removes keys wherever another program may have put them', async () => {
      for (const { key, bytes } of [...HARD_KEYS, content('elsewhere')]) {
        for (const path of place.paths(key)) {
          plant(path, bytes);
          chmodSync(dirname(path), 0o555);
          expect(states(await check(remote, [key]))).toEqual(['present']);
          expect(states(await fetch(remote, [key], work))).toEqual(['ok']);
          expect(states(await remove(remote, [key]))).toEqual(['removed']);
          expect(filesBelow(place.objects)).toEqual([]);
        }
      }
    });

    it('does not call content absent that it has when the target cannot be written', async () => {
      const one = content('here');
      await store(remote, [one], work);
      const answer = (await fetch(remote, [one.key], join(work, 'no such folder'))).get(one.key);
      expect(answer).toMatchObject({ state: 'unknown', error: { code: 'DSTORE_E_IO' } });
    });

    it('is unavailable, not empty, when its directory is gone', async () => {
      const one = content('one');
      await store(remote, [one], work);
      renameSync(place.directory, `${place.directory}.away`);
      for (const mounted of [false, true]) {
        // An unmounted file system leaves an empty directory.
        if (mounted) mkdirSync(place.directory);
        const answers: unknown[] = [];
        const report = (answer: unknown): void => void answers.push(answer);
        const op = quietOp();
        const unavailable = { code: 'REMOTE_UNAVAILABLE', retryable: true };
        await expect(remote.check([one.key], report, op)).rejects.toMatchObject(unavailable);
        await expect(remote.fetch([{ key: one.key, target: join(work, 'x') }], report, op)).rejects.toMatchObject(unavailable);
        await expect(remote.store!([{ key: one.key, source: join(work, 'source-0') }], report, op)).rejects.toMatchObject(unavailable);
        await expect(remote.remove!([forceDrop(one.key, remote.uuid)], report, op)).rejects.toMatchObject(unavailable);
        expect(remote.hold?.([one.key]).keys.size ?? 0).toBe(0);
        expect(answers).toEqual([]);
        if (mounted) expect(readdirSync(place.directory)).toEqual([]);
      }
    });

    it('does not take directories that it may not read for empty ones', async () => {
      const one = content('one');
      await store(remote, [one], work);
      chmodSync(work, 0o777);
      const closed = dirname(dirname(place.paths(one.key)[0]!));
      chmodSync(closed, 0);
      try {
        await unprivileged(async () => {
          expect((await check(remote, [one.key])).get(one.key)).toMatchObject({ state: 'unknown', error: { code: 'DSTORE_E_PERMISSION' } });
          expect((await fetch(remote, [one.key], work)).get(one.key)).toMatchObject({ state: 'unknown', error: { code: 'DSTORE_E_PERMISSION' } });
          expect((await remove(remote, [one.key])).get(one.key)).toMatchObject({ state: 'failed', error: { code: 'DSTORE_E_PERMISSION' } });
          expect(remote.hold?.([one.key]).keys.size ?? 0).toBe(0);
        });
      } finally {
        chmodSync(closed, 0o755);
      }
      chmodSync(place.directory, 0);
      try {
        await unprivileged(async () => {
          await expect(check(remote, [one.key])).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
          await expect(remove(remote, [one.key])).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
        });
      } finally {
        chmodSync(place.directory, 0o755);
      }
      expect(states(await check(remote, [one.key]))).toEqual(['present']);
    });

    it('does nothing when it is interrupted before it begins', async () => {
      const [one, two] = [content('one'), content('two')];
      await store(remote, [one], work);
      const before = filesBelow(folder);
      const op = abortedOp();
      await expect(check(remote, [one.key], op)).rejects.toMatchObject({ code: 'ABORTED' });
      await expect(fetch(remote, [one.key], work, op)).rejects.toMatchObject({ code: 'ABORTED' });
      await expect(store(remote, [two], work, op)).rejects.toMatchObject({ code: 'ABORTED' });
      await expect(remove(remote, [one.key], op)).rejects.toMatchObject({ code: 'ABORTED' });
      expect(filesBelow(folder)).toEqual(before);
    });

    it('leaves whole objects and true answers when it is interrupted', async () => {
      const contents = [...MANY, content(Buffer.alloc(40 << 20, 'a')), content(Buffer.alloc(40 << 20, 'b'))];
      const interrupted = async <A extends { readonly key: KeyText; readonly state: string }>(call: (report: (answer: A) => void, op: Op, onBytes: () => void) => Promise<void>): Promise<Map<KeyText, A>> => {
        const controller = new AbortController();
        const answers = new Map<KeyText, A>();
        const stop = (): void => controller.abort();
        const timer = setTimeout(stop, 20);
        await call((answer) => answers.set(answer.key, answer), { signal: controller.signal, emit: () => {} }, stop).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'ABORTED' });
        });
        clearTimeout(timer);
        return answers;
      };
      const requests = contents.map(({ key, bytes }, index) => {
        writeFileSync(join(work, `source-${index}`), bytes);
        return { key, source: join(work, `source-${index}`) };
      });
      const stored = await interrupted<StoreAnswer>((report, op, onBytes) => remote.store!(requests, report, op, onBytes));
      expectClean(contents);
      for (const [key, { state }] of stored) expect([state, existsSync(place.paths(key)[0]!)]).toEqual(['ok', true]);

      await store(remote, contents, work);
      const fetched = await interrupted<FetchAnswer>((report, op, onBytes) => remote.fetch(contents.map(({ key }, index) => ({ key, target: join(work, `target-${index}`) })), report, op, onBytes));
      for (const [index, { key, bytes }] of contents.entries()) if (fetched.has(key)) expect(readFileSync(join(work, `target-${index}`)).equals(bytes)).toBe(true);

      const removed = await interrupted<RemoveAnswer>((report, op) => remote.remove!(contents.map(({ key }) => forceDrop(key, remote.uuid)), report, op));
      for (const { key } of contents) expect(existsSync(place.paths(key)[0]!)).toBe(!removed.has(key));
      for (const { state } of removed.values()) expect(state).toBe('removed');
      expectClean(contents);
    });

    it('lets two writers bring the same keys at once', async () => {
      const other = place.open(bulk, 'b');
      mkdirSync(join(work, 'a'));
      mkdirSync(join(work, 'b'));
      const [mine, theirs] = await Promise.all([store(remote, MANY, join(work, 'a')), store(other, MANY, join(work, 'b'))]);
      for (const { key } of MANY) expect(['ok,ok', 'ok,present', 'present,ok']).toContain(`${mine.get(key)?.state},${theirs.get(key)?.state}`);
      expect(states(await check(remote, MANY.map(({ key }) => key)))).toEqual(['present']);
      expectClean(MANY);
    });

    it('gives the permissions that the others who use the place need', async () => {
      process.umask(kind.shared ? 0o077 : 0o022);
      const some = MANY.slice(0, 3);
      await store(remote, some, work);
      for (const { key } of some) {
        const path = place.paths(key)[0]!;
        expect(lstatSync(path).mode & 0o7777).toBe(0o444);
        const modes = [dirname(path), dirname(dirname(path)), dirname(dirname(dirname(path)))].map((directory) => lstatSync(directory).mode & 0o7777);
        if (kind.shared) for (const mode of modes) expect(mode & 0o2770).toBe(0o2770);
        else expect(modes).toEqual([kind.keyDirectoryMode, 0o755, 0o755]);
      }
      const script = content('#!/bin/sh\n', '.sh');
      writeFileSync(join(work, 'script'), script.bytes, { mode: 0o755 });
      chmodSync(join(work, 'script'), 0o755);
      await collect<StoreAnswer>((report) => remote.store!([{ key: script.key, source: join(work, 'script') }], report, quietOp()));
      expect(lstatSync(place.paths(script.key)[0]!).mode & 0o7777).toBe(0o555);
      expect(states(await fetch(remote, [script.key], work))).toEqual(['ok']);
      expect(lstatSync(join(work, '0')).mode & 0o100).toBe(0o100);
      if (kind.shared) {
        for (const path of place.staging()) {
          expect(lstatSync(path).mode & 0o2770).toBe(0o2770);
          expect(lstatSync(dirname(path)).mode & 0o2070).toBe(0o2070);
        }
      }
    });
  });
}
