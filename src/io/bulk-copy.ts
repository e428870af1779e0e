/** Copying one file while hashing it, with few system calls. */
import {
  chmodSync, closeSync, constants, copyFileSync, fchmodSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync,
} from 'node:fs';
import { createHasher, hashBytes } from './hashing.ts';
import type { Hasher } from './hashing.ts';
import { TaskAborted } from './bulk-types.ts';
import type { CopyItem, CopyOptions, CopyResult, ItemError, TaskContext } from './bulk-types.ts';
import type { RingProducer } from './bulk-ring.ts';

/** From here on a file is copied in pieces, can be resumed, and is made durable by the task itself. */
export const LARGE_FILE_BYTES: number = 16 * 1024 * 1024;
/** Files up to this size are read at once. */
export const SMALL_FILE_BYTES: number = 1024 * 1024;

let scratch: Buffer | undefined;

/** One reused buffer per thread, one byte longer than a small file so that a longer file shows. */
export function scratchBuffer(): Buffer {
  scratch ??= Buffer.allocUnsafeSlow(SMALL_FILE_BYTES + 1);
  return scratch;
}

/** Reads until the buffer is full or the file ends. */
export function readFully(descriptor: number, buffer: Uint8Array, length: number, position: number | null = null): number {
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, buffer, filled, length - filled, position === null ? null : position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

export function writeFully(descriptor: number, buffer: Uint8Array, length: number, position: number | null = null): void {
  let written = 0;
  while (written < length) written += writeSync(descriptor, buffer, written, length - written, position === null ? null : position + written);
}

export function itemError(error: unknown, side?: 'source' | 'target'): ItemError {
  if (error instanceof TaskAborted) throw error;
  const system = error as NodeJS.ErrnoException;
  const code = system.code ?? 'INTERNAL';
  return side === undefined ? { code, message: system.message } : { code, message: system.message, side };
}

/**
 * Copies one file.
 * @param ring hands the bytes to another thread that computes the digest; without it this thread does
 */
export function copyFile(item: CopyItem, options: CopyOptions | undefined, context: TaskContext, ring?: RingProducer): CopyResult {
  let source: number;
  try {
    // A pipe in place of the file must not make the thread wait for a writer.
    source = openSync(item.source, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { bytes: 0, error: itemError(error, 'source') };
  }
  try {
    return copyOpened(withExecutable(item, source), options, context, source, ring);
  } finally {
    closeSync(source);
  }
}

function withExecutable(item: CopyItem, source: number): CopyItem {
  if (item.keepExecutable !== true || (fstatSync(source).mode & 0o100) === 0) return item;
  return { ...item, mode: (item.mode ?? 0o644) | 0o111 };
}

function copyOpened(
  item: CopyItem, options: CopyOptions | undefined, context: TaskContext, source: number, ring: RingProducer | undefined,
): CopyResult {
  let size = item.size;
  try {
    if (size === undefined || size > SMALL_FILE_BYTES) {
      const stat = fstatSync(source);
      if (!stat.isFile()) return { bytes: 0, error: { code: 'NOTFILE', message: `${item.source} is not a regular file`, side: 'source' } };
      if (size !== undefined && stat.size !== size) return wrongSize(item, stat.size);
      size = stat.size;
    }
    if (size <= SMALL_FILE_BYTES) {
      const buffer = scratchBuffer();
      const length = readFully(source, buffer, size + 1);
      // A size that was not asked for comes from fstat, so another length means that the file is being written.
      if (length !== size) return item.size === undefined ? changed(item) : wrongSize(item, length);
      return copySmall(item, buffer, length, context);
    }
  } catch (error) {
    return { bytes: 0, error: itemError(error, 'source') };
  }
  return copyLarge(item, options, context, source, size, ring);
}

function wrongSize(item: CopyItem, size: number): CopyResult {
  const found = size > SMALL_FILE_BYTES && item.size !== undefined && item.size <= SMALL_FILE_BYTES ? 'more' : `${size}`;
  return { bytes: 0, error: { code: 'SIZE', message: `${item.source} has ${found} bytes, expected ${item.size}`, side: 'source' } };
}

function changed(item: CopyItem): CopyResult {
  return { bytes: 0, error: { code: 'CHANGED', message: `${item.source} changed while it was copied`, side: 'source' } };
}

function mismatch(item: CopyItem, digest: string): ItemError {
  return { code: 'MISMATCH', message: `${item.source} has the ${item.hash} digest ${digest}, expected ${item.digest}`, side: 'source' };
}

function copySmall(item: CopyItem, buffer: Buffer, length: number, context: TaskContext): CopyResult {
  const digest = item.hash === undefined ? undefined : hashBytes(item.hash, buffer.subarray(0, length));
  let target: number;
  try {
    target = createTarget(item);
  } catch (error) {
    return { bytes: 0, error: itemError(error, 'target') };
  }
  try {
    try {
      if (length > 0) writeFully(target, buffer, length);
    } finally {
      closeSync(target);
    }
  } catch (error) {
    // A piece of a small file is not worth resuming.
    discard(item.target);
    return { bytes: 0, error: itemError(error, 'target') };
  }
  context.addBytes(length);
  return finished(item, length, digest);
}

function finished(item: CopyItem, bytes: number, digest: string | undefined): CopyResult {
  if (digest === undefined) return { bytes };
  if (item.digest !== undefined && digest !== item.digest) return { bytes, digest, error: mismatch(item, digest) };
  return { bytes, digest };
}

function createTarget(item: CopyItem): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  try {
    return openSync(item.target, flags, item.mode ?? 0o644);
  } catch (error) {
    if (!item.resume || (error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    unlinkSync(item.target);
    return openSync(item.target, flags, item.mode ?? 0o644);
  }
}

function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The error that led here is the one to report.
  }
}

function copyLarge(
  item: CopyItem, options: CopyOptions | undefined, context: TaskContext, source: number, size: number, ring: RingProducer | undefined,
): CopyResult {
  let target: number;
  let present = 0;
  let cloned = false;
  try {
    if (options?.clone && cloneTo(item)) {
      cloned = true;
      present = size;
    }
    const flags = constants.O_RDWR | (cloned ? 0 : constants.O_CREAT | (item.resume ? 0 : constants.O_EXCL));
    // Writable until it is complete, so that it can be resumed.
    target = openSync(item.target, flags, (item.mode ?? 0o644) | 0o600);
    if (item.resume && !cloned) present = usablePart(item, target, size);
  } catch (error) {
    return { bytes: 0, error: itemError(error, 'target') };
  }
  let failed = true;
  try {
    let result = transfer(item, context, source, target, size, present, ring);
    if (result.error?.code === 'MISMATCH' && present > 0 && !cloned) {
      // What was left by an earlier attempt may be damaged: the whole source decides.
      ftruncateSync(target, 0);
      result = transfer(item, context, source, target, size, 0, undefined);
    }
    if (result.error && result.error.code !== 'MISMATCH') return result;
    finishMode(item, target);
    if (size >= LARGE_FILE_BYTES) fsyncSync(target);
    failed = false;
    return result;
  } catch (error) {
    return { bytes: 0, error: itemError(error, 'target') };
  } finally {
    closeSync(target);
    if (failed && !item.resume) discard(item.target);
  }
}

/** Bytes of the target that can be gone on from. */
function usablePart(item: CopyItem, target: number, size: number): number {
  const stat = fstatSync(target);
  if (!stat.isFile()) throw Object.assign(new Error(`${item.target} is not a regular file`), { code: 'NOTFILE' });
  if (stat.size <= size && item.hash !== undefined && item.digest !== undefined) return stat.size;
  ftruncateSync(target, 0);
  return 0;
}

function finishMode(item: CopyItem, target: number): void {
  if (item.mode === undefined) return;
  const mode = fstatSync(target).mode & 0o7777;
  // The umask is in `mode` already; only what was added for writing goes.
  const wanted = mode & item.mode;
  if (wanted !== mode) fchmodSync(target, wanted);
}

/** Shares the blocks of the source. @returns false when the file system cannot; the target is not there then */
function cloneTo(item: CopyItem): boolean {
  // Sharing blocks is instant, so there is nothing to resume.
  if (item.resume) discard(item.target);
  const created = openSync(item.target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, (item.mode ?? 0o644) | 0o600);
  const { mode } = fstatSync(created);
  closeSync(created);
  try {
    copyFileSync(item.source, item.target, constants.COPYFILE_FICLONE_FORCE);
    // copyFile gives the permissions of the source.
    chmodSync(item.target, mode & 0o7777);
    return true;
  } catch {
    discard(item.target);
    return false;
  }
}

/** Hashes the `present` first bytes from the target and copies the rest from the source. */
function transfer(
  item: CopyItem, context: TaskContext, source: number, target: number, size: number, present: number, ring: RingProducer | undefined,
): CopyResult {
  const hasher: Hasher | undefined = item.hash === undefined || ring ? undefined : createHasher(item.hash);
  const own = ring ? undefined : scratchBuffer();
  const step = ring ? ring.slotBytes : SMALL_FILE_BYTES;
  let position = 0;
  while (position < size) {
    if (context.aborted()) throw new TaskAborted();
    const fromTarget = position < present;
    const wanted = Math.min(step, (fromTarget ? present : size) - position);
    const buffer = ring ? ring.nextSlot() : (own as Buffer);
    let length: number;
    try {
      length = readFully(fromTarget ? target : source, buffer, wanted, position);
    } catch (error) {
      return { bytes: position, error: itemError(error, fromTarget ? 'target' : 'source') };
    }
    if (length !== wanted) return { ...changed(item), bytes: position };
    if (ring) ring.handOver(length);
    else hasher?.update(buffer.subarray(0, length));
    if (!fromTarget) writeFully(target, buffer, length, position);
    position += length;
    context.addBytes(length);
  }
  return finished(item, size, ring ? ring.digest() : hasher?.digest());
}
