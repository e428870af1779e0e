/** Writing so that a crash leaves the old content or the new, never half of it. Why batches: docs/adr/0002-one-sync-per-batch.md. */
import { chmodSync, closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { quietOp } from '../core/op.ts';
import { randomName } from './clock.ts';
import { writeAll } from './lock-file.ts';
import { flushFileSystem, nativeAvailable } from './native.ts';
import { findProgram, runProcess } from './subprocess.ts';

/** Who may write: `core.sharedRepository` as git understands it. */
export type SharedMode = 'private' | 'group' | 'all';

/**
 * Makes everything written so far on the file system of `path` durable, outside the main thread. One call per batch, before anything
 * refers to the content.
 * @param path an existing file or directory
 * @throws NO_SPACE, IO when the system could not write it
 */
export async function syncFileSystem(path: string): Promise<void> {
  let descriptor: number | undefined;
  try {
    if (nativeAvailable()) {
      descriptor = openSync(path, 'r');
      await flushFileSystem(path, descriptor);
      return;
    }
    const program = findProgram('sync');
    if (program === undefined) throw new Error('neither syncfs nor the sync program can be used');
    const result = await runProcess(program, ['-f', path], { op: quietOp() });
    if (result.status !== 0) throw new DStoreError('IO', `cannot make ${path} durable: ${result.stderr.trim()}`);
  } catch (error) {
    throw toDStoreError(error, `cannot make ${path} durable`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Makes the entries of a directory durable. File systems that cannot sync directories keep them in order by themselves. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EPERM') throw error;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Replaces or creates a file: temporary file beside it, fsync, rename, fsync of the directory.
 * @param options.mode exact permissions; default 0666 less the umask
 * @throws NO_SPACE, PERMISSION, READ_ONLY, IO; the old file stays as it was
 */
export function writeFileAtomic(path: string, data: Uint8Array | string, options: { mode?: number } = {}): void {
  const temporary = join(dirname(path), `.dstore-${randomName()}.tmp`);
  let descriptor: number | undefined;
  let created = false;
  try {
    descriptor = openSync(temporary, 'wx');
    created = true;
    if (options.mode !== undefined) fchmodSync(descriptor, options.mode);
    writeAll(descriptor, data);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, path);
    created = false;
    syncDirectory(dirname(path));
  } catch (error) {
    throw toDStoreError(error, `cannot write ${path}`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
    if (created) unlinkQuietly(temporary);
  }
}

/**
 * Replaces or creates a file that can be made again: readers see the old or the new content, a crash may leave an empty one.
 * @throws NO_SPACE, PERMISSION, READ_ONLY, IO
 */
export function writeCacheFile(path: string, data: string): void {
  const temporary = join(dirname(path), `.dstore-${randomName()}.tmp`);
  try {
    writeFileSync(temporary, data, { flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    unlinkQuietly(temporary);
    throw toDStoreError(error, `cannot write ${path}`);
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The error that led here is the one to report.
  }
}

/**
 * Permissions after git's rule for shared repositories: the group (and with `all` everybody) reads and the group writes;
 * directories may be entered by whoever reads them and pass on their group.
 */
export function sharedPermissions(mode: number, shared: SharedMode, directory: boolean): number {
  if (shared === 'private') return mode & 0o7777;
  let result = (mode & 0o7777) | (shared === 'group' ? 0o660 : 0o664);
  if (directory) result |= ((result & 0o444) >> 2) | 0o2000;
  return result;
}

/** Gives an existing file or directory its shared permissions. */
export function shareFile(path: string, shared: SharedMode): void {
  if (shared === 'private') return;
  const stat = statSync(path);
  const wanted = sharedPermissions(stat.mode, shared, stat.isDirectory());
  if (wanted !== (stat.mode & 0o7777)) chmodSync(path, wanted);
}

/**
 * Creates a directory and the missing ones above it; existing ones stay as they are.
 * @throws PERMISSION, NO_SPACE, READ_ONLY, IO
 */
export function makeDirectory(path: string, mode: SharedMode = 'private'): void {
  try {
    makeDirectories(path, mode);
  } catch (error) {
    throw toDStoreError(error, `cannot create directory ${path}`);
  }
}

/** As {@link makeDirectory}, throwing the system's errors. */
export function makeDirectories(path: string, shared: SharedMode): void {
  try {
    // Not `recursive`: on a read-only file system that reports ENOENT.
    mkdirSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectories(dirname(path), shared);
    makeDirectories(path, shared);
    return;
  }
  shareFile(path, shared);
}
