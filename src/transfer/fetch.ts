/**
 * Getting content into a clone: remotes in cost order, many files in flight, verified, durable, then in place under the key's name.
 * A partial file is never visible under its name. Large files continue where an interruption left them.
 */
import { mkdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorInfo } from '../core/errors.ts';
import { DStoreError, isDStoreError, toDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { keySize, keyToFileName } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import { parseSize, formatSize } from '../core/size.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { objectPlacement } from '../dataset/local-objects.ts';
import type { ContentRemote } from '../dataset/remotes.ts';
import { makeDirectory, syncFileSystem } from '../io/durable.ts';
import { fileLock } from '../io/file-lock.ts';
import type { HeldLock } from '../io/file-lock.ts';
import { itemFailure } from '../io/item-failure.ts';
import type { FetchRequest, Remote } from '../remote/remote.ts';

export interface FetchOutcome {
  readonly key: KeyText;
  readonly state: 'ok' | 'failed';
  readonly bytes: number;
  /** Name of the remote that gave it. */
  readonly remote?: string;
  readonly error?: ErrorInfo;
}

/** A batch is fetched while the one before it is made durable and put in place. */
const BATCH_FILES = 2048;
const BATCH_BYTES = 256 << 20;
/** From here on a partial download is kept for the next try; smaller files are quicker fetched anew. */
const RESUME_BYTES = 16 << 20;
type Complaint = { readonly remote: string; readonly what: string; readonly corrupt: boolean };

export async function fetchKeys(
  dataset: Dataset, keys: readonly KeyText[], remotes: readonly ContentRemote[], done: (outcome: FetchOutcome) => void, op: Op,
): Promise<void> {
  const run = new Fetch(dataset, done, op);
  await run.fetch(keys, remotes);
}

/** @throws NO_SPACE when the content does not fit while annex.diskreserve stays free */
export function requireSpace(dataset: Dataset, bytes: number): void {
  const reserve = parseSize(dataset.repo.config.get('annex.diskreserve') ?? '100MB') ?? 100_000_000;
  const { bavail, bsize } = statfsSync(dataset.annexDirectory);
  const free = bavail * bsize;
  if (bytes + reserve <= free) return;
  throw new DStoreError('NO_SPACE', `${formatSize(bytes)} do not fit: ${formatSize(free)} are free and ${formatSize(reserve)} must stay so (annex.diskreserve)`, {
    hint: 'get fewer files, or free some space with: dstore drop PATH',
  });
}

class Fetch {
  readonly #dataset: Dataset;
  readonly #done: (outcome: FetchOutcome) => void;
  readonly #op: Op;
  readonly #complaints = new Map<KeyText, Complaint[]>();
  #bytes = 0;
  #files = 0;
  #total = 0;

  constructor(dataset: Dataset, done: (outcome: FetchOutcome) => void, op: Op) {
    this.#dataset = dataset;
    this.#done = done;
    this.#op = op;
  }

  async fetch(keys: readonly KeyText[], remotes: readonly ContentRemote[]): Promise<void> {
    this.#total = keys.reduce((sum, key) => sum + (keySize(key) ?? 0), 0);
    this.#op.emit({ type: 'plan', action: 'get', files: keys.length, bytes: this.#total });
    let remaining: readonly KeyText[] = keys;
    try {
      makeDirectory(join(this.#dataset.annexDirectory, 'tmp'), this.#dataset.shared);
      for (const candidate of remotes) {
        if (remaining.length === 0) break;
        remaining = await this.#fetchFrom(candidate, remaining);
      }
    } catch (error) {
      throw toDStoreError(error, 'cannot get content');
    }
    for (const key of remaining) this.#done({ key, state: 'failed', bytes: 0, error: this.#explain(key) });
  }

  /** Returns what this remote could not give. */
  async #fetchFrom(candidate: ContentRemote, keys: readonly KeyText[]): Promise<readonly KeyText[]> {
    let remote: Remote;
    try {
      remote = candidate.open();
    } catch (error) {
      if (!isDStoreError(error)) throw error;
      for (const key of keys) this.#complain(key, candidate.name, error.message.replace(`${candidate.name}: `, ''), false);
      return keys;
    }
    const missing: KeyText[] = [];
    let settling: Promise<void> = Promise.resolve();
    try {
      for (const batch of batches(keys)) {
        checkAborted(this.#op);
        const received = await this.#receive(remote, batch, missing);
        await settling;
        settling = this.#settle(remote, received);
        // Its failure is seen at the next await; without a handler an earlier one would be reported as unhandled.
        settling.catch(() => {});
      }
    } finally {
      await settling;
    }
    return missing;
  }

  async #receive(remote: Remote, batch: readonly KeyText[], missing: KeyText[]): Promise<Received[]> {
    const received: Received[] = [];
    const requests: FetchRequest[] = [];
    const locks = new Map<KeyText, HeldLock>();
    const targets = new Map<KeyText, string>();
    for (const key of batch) {
      const large = (keySize(key) ?? RESUME_BYTES) >= RESUME_BYTES;
      if (large) {
        const lock = await this.#lockTransfer(remote, key);
        if (this.#dataset.objects.find(key) !== undefined) {
          lock.release();
          this.#finish({ key, state: 'ok', bytes: 0, remote: remote.name });
          continue;
        }
        locks.set(key, lock);
      }
      const target = large ? join(this.#dataset.annexDirectory, 'tmp', keyToFileName(key)) : this.#dataset.scratch.name();
      targets.set(key, target);
      requests.push({ key, target });
    }
    const base = this.#bytes;
    let finishedBytes = 0;
    const answered = new Set<KeyText>();
    const releaseAll = (): void => { for (const lock of locks.values()) lock.release(); };
    try {
      await remote.fetch(requests, ({ key, state, bytes, error }) => {
        answered.add(key);
        const target = targets.get(key)!;
        if (state === 'ok') {
          finishedBytes += bytes;
          received.push({ key, target, bytes, lock: locks.get(key) });
          locks.delete(key);
          return;
        }
        if (error?.code === 'DSTORE_E_NO_SPACE') {
          // It is this disk that is full, and no other remote helps.
          this.#finish({ key, state: 'failed', bytes: 0, error: { ...error, message: 'no space is left on the disk of this clone' } });
          return;
        }
        missing.push(key);
        if (state === 'corrupt') this.#setAside(key, target);
        if (state === 'absent') this.#complain(key, remote.name, 'does not have it', false);
        else this.#complain(key, remote.name, error?.message ?? 'failed', state === 'corrupt');
      }, this.#op, (total) => this.#op.emit({ type: 'progress', files: this.#files, bytes: base + total }));
    } catch (error) {
      if (!isDStoreError(error) || error.code === 'ABORTED' || error.code === 'INTERNAL') {
        releaseAll();
        await this.#settle(remote, received);
        throw error;
      }
      for (const { key } of requests) {
        if (answered.has(key)) continue;
        missing.push(key);
        this.#complain(key, remote.name, error.message, false);
      }
    }
    releaseAll();
    this.#bytes = base + finishedBytes;
    return received;
  }

  async #settle(remote: Remote, received: readonly Received[]): Promise<void> {
    if (received.length === 0) return;
    const dataset = this.#dataset;
    // Durable before visible: a crash must not leave an empty file under a key's name.
    await syncFileSystem(dataset.annexDirectory);
    dataset.scratch.willChange(received.map(({ key }) => key));
    const items = received.map(({ key, target }) => ({
      source: target, target: dataset.objects.path(key), ...objectPlacement(dataset.shared),
    }));
    // What is complete is kept even when the user interrupts.
    const uninterrupted: Op = { signal: new AbortController().signal, emit: () => {} };
    await dataset.bulk.run('place', items, (result, index) => {
      const { key, bytes, lock } = received[index]!;
      lock?.release();
      if (result.error === undefined) this.#finish({ key, state: 'ok', bytes, remote: remote.name });
      else this.#finish({ key, state: 'failed', bytes: 0, error: itemFailure(result.error, `cannot put ${key} in place`) });
    }, uninterrupted);
  }

  #finish(outcome: FetchOutcome): void {
    this.#files++;
    this.#op.emit({ type: 'progress', files: this.#files, bytes: this.#bytes });
    this.#done(outcome);
  }

  /** git-annex's own download lock, so that two processes do not write one partial file; whoever waits finds the content there. */
  async #lockTransfer(remote: Remote, key: KeyText): Promise<HeldLock> {
    const directory = join(this.#dataset.annexDirectory, 'transfer', 'download', remote.uuid);
    makeDirectory(directory, this.#dataset.shared);
    return await fileLock(join(directory, `lck.${keyToFileName(key)}`), 'exclusive', this.#op, { what: `another download of ${key}` });
  }

  /** Wrong bytes are kept out of the way of the next try, where git-annex keeps bad content, for somebody to look at. */
  #setAside(key: KeyText, target: string): void {
    const bad = join(this.#dataset.annexDirectory, 'bad');
    try {
      mkdirSync(bad, { recursive: true });
      renameSync(target, join(bad, keyToFileName(key)));
    } catch {
      rmSync(target, { force: true });
    }
  }

  #complain(key: KeyText, remote: string, what: string, corrupt: boolean): void {
    const list = this.#complaints.get(key);
    if (list === undefined) this.#complaints.set(key, [{ remote, what, corrupt }]);
    else list.push({ remote, what, corrupt });
  }

  #explain(key: KeyText): ErrorInfo {
    const complaints = this.#complaints.get(key) ?? [];
    if (complaints.length === 0) {
      return { code: 'DSTORE_E_CONTENT_UNAVAILABLE', message: 'no remote to get it from', hint: 'see where it is recorded with: dstore whereis PATH' };
    }
    const corrupt = complaints.some((complaint) => complaint.corrupt);
    return {
      code: corrupt ? 'DSTORE_E_CONTENT_CORRUPT' : 'DSTORE_E_CONTENT_UNAVAILABLE',
      message: complaints.map(({ remote, what }) => `${remote}: ${what}`).join('; '),
      hint: corrupt ? 'wrong bytes were kept in .git/annex/bad; other copies: dstore whereis PATH' : 'see where it is recorded with: dstore whereis PATH',
    };
  }
}

interface Received { readonly key: KeyText; readonly target: string; readonly bytes: number; readonly lock: HeldLock | undefined }

function* batches(keys: readonly KeyText[]): Generator<KeyText[]> {
  let batch: KeyText[] = [];
  let bytes = 0;
  for (const key of keys) {
    batch.push(key);
    bytes += keySize(key) ?? 0;
    if (batch.length < BATCH_FILES && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

