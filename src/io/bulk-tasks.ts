/** The work of the bulk tasks: synchronous, one item at a time, the same in a worker and on the main thread. */
import { MAX_POINTER_BYTES, keyOfPointer } from '../core/pointer.ts';
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, statSync } from 'node:fs';
import { copyFile, itemError, readFully, scratchBuffer, SMALL_FILE_BYTES } from './bulk-copy.ts';
import { annexFile, placeObject, pruneDirectories, removeObject, statData } from './bulk-objects.ts';
import { TaskAborted } from './bulk-types.ts';
import type {
  AnnexItem, AnnexOptions, BulkTasks, CopyItem, CopyOptions, HashItem, HashResult, PlaceItem, ReadlinkItem, ReadlinkResult, RemoveItem,
  StatItem, StatResult, TaskContext,
} from './bulk-types.ts';
import { createHasher, hashBytes, loadHasher } from './hashing.ts';

export type TaskName = keyof BulkTasks;

/** Loads what the hashes of these items need, which cannot be done inside the synchronous work. */
export async function prepareTask(task: TaskName, items: readonly unknown[]): Promise<void> {
  if (task !== 'hash' && task !== 'copy') return;
  const names = new Set<string>();
  for (const item of items as readonly { hash?: string }[]) if (item.hash !== undefined) names.add(item.hash);
  for (const name of names) await loadHasher(name);
}

/** Does one item. Failures are in the result; the only exception is the abort. */
export function runTask<K extends TaskName>(task: K, item: BulkTasks[K]['item'], options: unknown, context: TaskContext): BulkTasks[K]['result'] {
  switch (task) {
    case 'hash': return hashFile(item as HashItem, context);
    case 'copy': return copyFile(item as CopyItem, options as CopyOptions | undefined, context);
    case 'place': return placeObject(item as PlaceItem, context);
    case 'annex': return annexFile(item as AnnexItem, options as AnnexOptions | undefined, context);
    case 'remove': return removeObject(item as RemoveItem, context);
    case 'stat': return statFirst(item as StatItem);
    default: return readLink(item as ReadlinkItem);
  }
}

/** What a task puts off to the end of its chunk. */
export function finishChunk(context: TaskContext): void {
  pruneDirectories(context);
}

function hashFile(item: HashItem, context: TaskContext): HashResult {
  try {
    const descriptor = openSync(item.path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const before = fstatSync(descriptor, { bigint: true });
      if (!before.isFile()) return { error: { code: 'NOTFILE', message: `${item.path} is not a regular file` } };
      const size = Number(before.size);
      const { digest, length, pointer } = size <= SMALL_FILE_BYTES ? hashSmall(item, descriptor, size, context) : hashLarge(item, descriptor, context);
      // By path: a file that was replaced by another one has changed too.
      const after = statSync(item.path, { bigint: true });
      if (length !== size || after.size !== before.size || after.mtimeNs !== before.mtimeNs || after.ino !== before.ino) {
        return { error: { code: 'CHANGED', message: `${item.path} changed while it was read` } };
      }
      return { digest, size, stat: statData(after), ...(pointer === undefined ? {} : { pointer }) };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return { error: itemError(error) };
  }
}

interface Hashed { readonly digest: string; readonly length: number; readonly pointer?: string | undefined }

function hashSmall(item: HashItem, descriptor: number, size: number, context: TaskContext): Hashed {
  const buffer = scratchBuffer();
  const length = readFully(descriptor, buffer, size + 1);
  context.addBytes(length);
  const data = buffer.subarray(0, length);
  return { digest: hashBytes(item.hash, data), length, pointer: length <= MAX_POINTER_BYTES ? keyOfPointer(data) : undefined };
}

function hashLarge(item: HashItem, descriptor: number, context: TaskContext): Hashed {
  const hasher = createHasher(item.hash);
  const buffer = scratchBuffer();
  let length = 0;
  for (;;) {
    if (context.aborted()) throw new TaskAborted();
    const count = readFully(descriptor, buffer, SMALL_FILE_BYTES);
    if (count === 0) return { digest: hasher.digest(), length };
    hasher.update(buffer.subarray(0, count));
    length += count;
    context.addBytes(count);
  }
}

function statFirst(item: StatItem): StatResult {
  for (const [index, path] of item.paths.entries()) {
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (!stat.isFile()) return { found: -1, error: { code: 'NOTFILE', message: `${path} is not a regular file` } };
      return { found: index, size: stat.size };
    } catch (error) {
      // A file where a directory would be: the path cannot exist.
      if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') continue;
      return { found: -1, error: itemError(error) };
    }
  }
  return { found: -1 };
}

function readLink(item: ReadlinkItem): ReadlinkResult {
  try {
    const stat = lstatSync(item.path, { bigint: true });
    return stat.isSymbolicLink() ? { target: readlinkSync(item.path), stat: statData(stat) } : { stat: statData(stat) };
  } catch (error) {
    return { error: itemError(error) };
  }
}
