/** Reading and writing trees of object files (`HASHDIRS/KEY/KEY`), which RIA stores and git-annex repositories have in common. */
import type { ErrorInfo } from '../core/errors.ts';
import { isDStoreError } from '../core/errors.ts';
import { contentCheck } from '../core/content-check.ts';
import type { KeyText } from '../core/key.ts';
import { keySize, keyToFileName } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { BulkIo } from '../io/bulk.ts';
import { syncFileSystem } from '../io/durable.ts';
import type { SharedMode } from '../io/durable.ts';
import { tryFileLock } from '../io/file-lock.ts';
import type { RemovableLock } from '../io/file-lock.ts';
import { itemFailure } from '../io/item-failure.ts';
import { rmSync, statSync } from 'node:fs';
import { abandonedFolders, openLockedFolder } from '../io/locked-folder.ts';
import type { FetchAnswer, FetchRequest, PresenceAnswer, RemoveAnswer, StoreAnswer, StoreRequest } from './remote.ts';

export interface ObjectTree {
  readonly bulk: BulkIo;
  /** Name of the remote, for messages. */
  readonly label: string;
  /** Absolute paths where a key may lie; the first is where a writer puts it. */
  paths(key: KeyText): readonly string[];
  /** Why absence in the tree does not prove absence, when it does not. */
  readonly doubt?: ErrorInfo | undefined;
  /** Asked once more before absence is reported: a file system that went away answers "no such file" for everything. @throws REMOTE_UNAVAILABLE */
  requireReachable(): void;
}

export interface WritableObjectTree extends ObjectTree {
  /** Folder on the same file system for what is not complete yet. */
  readonly staging: string;
  readonly shared: SharedMode;
  /** Mode of the directory around an object once it is in place; left out: an ordinary directory. */
  readonly directoryMode?: number;
}

/** Objects put in place between two syncs: bounds what an interruption repeats. */
const BATCH_FILES = 4096;
const BATCH_BYTES = 1 << 30;
const OBJECT_MODE = 0o444;
/** From here on what an interrupted push wrote is kept for the next one. */
const RESUME_BYTES = 16 << 20;

export async function checkObjects(tree: ObjectTree, keys: readonly KeyText[], report: (answer: PresenceAnswer) => void, op: Op): Promise<void> {
  const absent: KeyText[] = [];
  await tree.bulk.run('stat', keys.map((key) => ({ paths: tree.paths(key) })), (result, index) => {
    const key = keys[index]!;
    const size = keySize(key);
    if (result.error !== undefined) report({ key, state: 'unknown', error: itemFailure(result.error, `cannot look for ${key} in ${tree.label}`) });
    else if (result.found < 0) absent.push(key);
    else if (size !== undefined && size !== result.size) {
      report({ key, state: 'corrupt', error: { code: 'DSTORE_E_CONTENT_CORRUPT', message: `${tree.label} has ${result.size} bytes of ${key}, not ${size}` } });
    } else report({ key, state: 'present' });
  }, op);
  if (absent.length === 0) return;
  tree.requireReachable();
  const { doubt } = tree;
  for (const key of absent) report(doubt === undefined ? { key, state: 'absent' } : { key, state: 'unknown', error: doubt });
}

export async function fetchObjects(tree: ObjectTree, requests: readonly FetchRequest[], report: (answer: FetchAnswer) => void, op: Op, onBytes?: (total: number) => void): Promise<void> {
  // Nearly always the first path has it; only what is missing there costs another round.
  let remaining = requests.map((request) => ({ request, sources: tree.paths(request.key) }));
  let copied = 0;
  const absent: KeyText[] = [];
  for (let round = 0; remaining.length > 0; round++) {
    const current = remaining;
    const next: typeof remaining = [];
    const base = copied;
    const items = current.map(({ request, sources }) => ({ source: sources[round]!, target: request.target, mode: OBJECT_MODE, keepExecutable: true, resume: true, ...contentCheck(request.key) }));
    await tree.bulk.run('copy', items, (result, index) => {
      const { request, sources } = current[index]!;
      const { key } = request;
      copied += result.bytes;
      if (result.error === undefined) report({ key, state: 'ok', bytes: result.bytes });
      else if (result.error.side === 'target') report({ key, state: 'unknown', bytes: 0, error: itemFailure(result.error, `cannot write ${request.target}`) });
      else if (result.error.code === 'ENOENT' || result.error.code === 'ENOTDIR') {
        if (round + 1 < sources.length) next.push(current[index]!);
        else absent.push(key);
      } else if (isWrongContent(result.error.code)) {
        report({ key, state: 'corrupt', bytes: result.bytes, error: { code: 'DSTORE_E_CONTENT_CORRUPT', message: `the copy in ${tree.label} does not match its key (${result.error.message})` } });
      } else report({ key, state: 'unknown', bytes: result.bytes, error: itemFailure(result.error, `cannot read ${key} from ${tree.label}`) });
    }, op, onBytes === undefined ? {} : { onBytes: (total) => onBytes(base + total) });
    remaining = next;
  }
  if (absent.length === 0) return;
  tree.requireReachable();
  const { doubt } = tree;
  for (const key of absent) report(doubt === undefined ? { key, state: 'absent', bytes: 0 } : { key, state: 'unknown', bytes: 0, error: doubt });
}

export async function storeObjects(tree: WritableObjectTree, requests: readonly StoreRequest[], report: (answer: StoreAnswer) => void, op: Op, onBytes?: (total: number) => void): Promise<void> {
  checkAborted(op);
  if (requests.length === 0) return;
  for (const abandoned of abandonedFolders(tree.staging)) abandoned.close(true);
  const staging = openLockedFolder(tree.staging, tree.shared);
  try {
    let base = 0;
    for (const batch of batches(requests)) {
      checkAborted(op);
      base += await storeBatch(tree, batch, staging.path, report, op, onBytes === undefined ? undefined : (total) => onBytes(base + total));
    }
  } finally {
    staging.close(true);
  }
}

/** Where one object is written before it has its name. */
interface Upload {
  readonly temporary: string;
  /** What is there already is the beginning, and what is there after an interruption stays. */
  readonly resume: boolean;
  readonly lock: RemovableLock | undefined;
}

/** A large object has a name by which the next push finds it again; two processes that store the same one at once do not share it. */
function planUpload(tree: WritableObjectTree, key: KeyText, staging: string, index: number): Upload {
  if ((keySize(key) ?? 0) >= RESUME_BYTES) {
    const temporary = `${tree.staging}/${keyToFileName(key)}`;
    const lock = tryUploadLock(`${temporary}.lock`);
    if (lock !== undefined) return { temporary, resume: true, lock };
  }
  return { temporary: `${staging}/${index}`, resume: false, lock: undefined };
}

function tryUploadLock(path: string): RemovableLock | undefined {
  try {
    return tryFileLock(path, 'exclusive');
  } catch (error) {
    if (isDStoreError(error) && error.code === 'LOCK_UNSUPPORTED') return undefined;
    throw error;
  }
}

async function storeBatch(tree: WritableObjectTree, batch: readonly StoreRequest[], staging: string, report: (answer: StoreAnswer) => void, op: Op, onBytes: ((total: number) => void) | undefined): Promise<number> {
  const uploads = batch.map(({ key }, index) => planUpload(tree, key, staging, index));
  try {
    return await copyAndPlace(tree, batch, uploads, staging, report, op, onBytes);
  } finally {
    for (const { lock } of uploads) lock?.release(true);
  }
}

async function copyAndPlace(tree: WritableObjectTree, batch: readonly StoreRequest[], uploads: readonly Upload[], staging: string, report: (answer: StoreAnswer) => void, op: Op, onBytes: ((total: number) => void) | undefined): Promise<number> {
  const copied: { key: KeyText; temporary: string; bytes: number }[] = [];
  const items = batch.map(({ source, key }, index) => ({
    source, target: uploads[index]!.temporary, mode: OBJECT_MODE, keepExecutable: true, ...contentCheck(key), resume: uploads[index]!.resume,
  }));
  const copying = tree.bulk.run('copy', items, (result, index) => {
    const { key } = batch[index]!;
    const { temporary } = uploads[index]!;
    if (result.error === undefined) copied.push({ key, temporary, bytes: result.bytes });
    else {
      rmSync(temporary, { force: true });
      if (isWrongContent(result.error.code)) {
        report({ key, state: 'corrupt', bytes: 0, error: { code: 'DSTORE_E_CONTENT_CORRUPT', message: `the content here does not match ${key} (${result.error.message})`, hint: 'check it with: dstore fsck' } });
      } else report({ key, state: 'failed', bytes: 0, error: itemFailure(result.error, `cannot store ${key} in ${tree.label}`) });
    }
  }, op, onBytes === undefined ? {} : { onBytes });
  const interruption = await copying.then(() => undefined, (error: unknown) => {
    if (copied.length === 0 || !isDStoreError(error) || error.code !== 'ABORTED') throw error;
    return error;
  });
  if (copied.length === 0) return 0;
  // Durable before visible: a crash must not leave an empty file under a key's name.
  await syncFileSystem(staging);
  const place = copied.map(({ key, temporary }) => ({
    source: temporary, target: tree.paths(key)[0]!, parentShared: tree.shared,
    // Elsewhere the umask of the writer decides, as it does for git-annex.
    ...(tree.shared === 'private' ? {} : { fileMode: OBJECT_MODE | (statSync(temporary).mode & 0o100 ? 0o111 : 0) }),
    ...(tree.directoryMode === undefined ? {} : { directoryMode: tree.directoryMode }),
  }));
  let bytes = 0;
  // What is complete is put in place even when the user interrupts: stopping here would only repeat the work.
  await tree.bulk.run('place', place, (result, index) => {
    const { key, bytes: size } = copied[index]!;
    bytes += size;
    const damage = result.existed ? damageOf(place[index]!.target, key, tree.label) : undefined;
    if (result.error !== undefined) report({ key, state: 'failed', bytes: 0, error: itemFailure(result.error, `cannot store ${key} in ${tree.label}`) });
    else if (damage !== undefined) report({ key, state: 'failed', bytes: 0, error: damage });
    else report({ key, state: result.existed ? 'present' : 'ok', bytes: size });
  }, { signal: new AbortController().signal, emit: (event) => op.emit(event) });
  await syncFileSystem(tree.staging);
  if (interruption !== undefined) throw interruption;
  return bytes;
}

/**
 * Removes object files. Answers once per key, also when it is interrupted, for what is removed by then: the caller has to record it.
 * @param items every path at which a key may lie
 */
export async function removeObjects(tree: ObjectTree, items: readonly { key: KeyText; path: string }[], report: (answer: RemoveAnswer) => void, op: Op): Promise<void> {
  const answers = new Map<KeyText, RemoveAnswer>();
  let complete = false;
  try {
    await tree.bulk.run('remove', items.map(({ path }) => ({ path })), (result, index) => {
      const { key } = items[index]!;
      const before = answers.get(key);
      if (before?.state === 'failed') return;
      if (result.error !== undefined) answers.set(key, { key, state: 'failed', bytes: 0, error: itemFailure(result.error, `cannot remove ${key} from ${tree.label}`) });
      else if (result.removed) answers.set(key, { key, state: 'removed', bytes: (before?.bytes ?? 0) + result.bytes });
      else if (before === undefined) answers.set(key, { key, state: 'absent', bytes: 0 });
    }, op);
    tree.requireReachable();
    complete = true;
  } finally {
    // Absence is not proven while some of the paths have not been looked at.
    for (const answer of answers.values()) if (complete || answer.state !== 'absent') report(answer);
  }
}

/** Whether something is there; false as well where that cannot be found out. */
export function isReachable(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** What is wrong with an object that was there already. It is left as it is: whoever removes it must know what it is. */
function damageOf(path: string, key: KeyText, label: string): ErrorInfo | undefined {
  const size = keySize(key);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === true && (size === undefined || stat.size === size)) return undefined;
  const found = stat?.isFile() === true ? `${stat.size} bytes, not ${size}` : 'no file';
  return {
    code: 'DSTORE_E_CONTENT_CORRUPT', message: `${label} has something else under the name of ${key} (${path}: ${found})`,
    hint: 'set the damaged object aside, then run the command again: dstore push',
  };
}

function isWrongContent(code: string): boolean {
  return code === 'MISMATCH' || code === 'SIZE';
}

function* batches(requests: readonly StoreRequest[]): Generator<StoreRequest[]> {
  let batch: StoreRequest[] = [];
  let bytes = 0;
  for (const request of requests) {
    batch.push(request);
    bytes += keySize(request.key) ?? 0;
    if (batch.length < BATCH_FILES && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
