/** Moving objects into and out of an object tree `…/xX/yY/F/F`. Permissions: git-annex-formats.md §3.2 (store-layout/README.md). */
import {
  chmodSync, copyFileSync, constants, linkSync, lstatSync, mkdirSync, renameSync, rmdirSync, symlinkSync, unlinkSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { randomName } from './clock.ts';
import { sharedPermissions, shareFile } from './durable.ts';
import type { SharedMode } from './durable.ts';
import { itemError } from './bulk-copy.ts';
import type {
  AnnexItem, AnnexOptions, AnnexResult, ItemError, PlaceItem, PlaceResult, RemoveItem, RemoveResult, StatData, TaskContext,
} from './bulk-types.ts';

const NANOSECONDS = 1_000_000_000n;
/** The set of known directories is emptied at this size. */
const MADE_LIMIT = 100_000;

export function statData(stat: BigIntStats): StatData {
  return {
    ctimeSeconds: Number(stat.ctimeNs / NANOSECONDS), ctimeNanoseconds: Number(stat.ctimeNs % NANOSECONDS),
    mtimeSeconds: Number(stat.mtimeNs / NANOSECONDS), mtimeNanoseconds: Number(stat.mtimeNs % NANOSECONDS),
    dev: Number(BigInt.asUintN(53, stat.dev)), ino: Number(BigInt.asUintN(53, stat.ino)),
    mode: Number(stat.mode), uid: Number(stat.uid), gid: Number(stat.gid), size: Number(stat.size),
  };
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Creates a directory and what is missing above it. @returns true when it was not there */
function createDirectory(path: string, shared: SharedMode): boolean {
  try {
    // Not `recursive`: on a read-only file system that reports ENOENT.
    mkdirSync(path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    createDirectory(dirname(path), shared);
    return createDirectory(path, shared);
  }
  if (shared !== 'private') shareFile(path, shared);
  return true;
}

/**
 * Creates F below its hash directories, with one system call per level that is not known yet.
 * @returns true when F was not there
 */
function createObjectDirectory(directory: string, shared: SharedMode, context: TaskContext): boolean {
  const made = context.madeDirectories;
  if (made.size > MADE_LIMIT) made.clear();
  const second = dirname(directory);
  if (!made.has(second)) {
    const first = dirname(second);
    if (!made.has(first)) {
      createDirectory(first, shared);
      made.add(first);
    }
    createDirectory(second, shared);
    made.add(second);
  }
  return createDirectory(directory, shared);
}

function forgetDirectories(directory: string, context: TaskContext): void {
  context.madeDirectories.delete(dirname(directory));
  context.madeDirectories.delete(dirname(dirname(directory)));
}

/** Runs what puts a file into F; another process may remove F or its parents while they are empty, so it is tried again. */
function insideObjectDirectory<T>(directory: string, shared: SharedMode, context: TaskContext, action: (fresh: boolean) => T): T {
  for (let attempt = 0; ; attempt++) {
    try {
      const fresh = createObjectDirectory(directory, shared, context);
      return action(fresh);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || attempt >= 3) throw error;
      forgetDirectories(directory, context);
    }
  }
}

/** A directory that this user does not own but may write to stays as it is. */
export function changeMode(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error;
  }
}

export function placeObject(item: PlaceItem, context: TaskContext): PlaceResult {
  const directory = dirname(item.target);
  const shared = item.parentShared ?? 'private';
  try {
    if (item.fileMode !== undefined) chmodSync(item.source, item.fileMode);
  } catch (error) {
    return { existed: false, error: itemError(error, 'source') };
  }
  try {
    return insideObjectDirectory(directory, shared, context, (fresh) => {
      if (!fresh) {
        if (lstatSync(item.target, { throwIfNoEntry: false })) {
          unlinkSync(item.source);
          return { existed: true };
        }
        thaw(directory, shared);
      }
      renameSync(item.source, item.target);
      if (item.directoryMode !== undefined) changeMode(directory, item.directoryMode);
      return { existed: false };
    });
  } catch (error) {
    // A missing source shows only now; it is looked at again to say which of the two it was.
    const side = errorCode(error) === 'ENOENT' && lstatSync(item.source, { throwIfNoEntry: false }) === undefined ? 'source' : 'target';
    return { existed: false, error: itemError(error, side) };
  }
}

/** Makes F writable for a change. */
export function thaw(directory: string, shared: SharedMode): void {
  const stat = lstatSync(directory);
  const wanted = sharedPermissions(stat.mode | 0o200, shared, true);
  if (wanted !== (stat.mode & 0o7777)) changeMode(directory, wanted);
}

/** Makes F read-only, except where a group shares it. */
export function freeze(directory: string, shared: SharedMode): void {
  if (shared === 'private') changeMode(directory, 0o555);
}

function changedError(path: string): ItemError {
  return { code: 'CHANGED', message: `${path} changed after it was hashed` };
}

function isExpected(stat: BigIntStats, expect: AnnexItem['expect'], withInode: boolean): boolean {
  const data = statData(stat);
  return data.size === expect.size && data.mtimeSeconds === expect.mtimeSeconds && data.mtimeNanoseconds === expect.mtimeNanoseconds
    && (!withInode || data.ino === expect.ino);
}

export function annexFile(item: AnnexItem, options: AnnexOptions | undefined, context: TaskContext): AnnexResult {
  const shared = options?.shared ?? 'private';
  let existed = false;
  try {
    const stat = lstatSync(item.path, { bigint: true });
    if (!stat.isFile() || !isExpected(stat, item.expect, true)) return { existed, error: changedError(item.path) };
    const mode = Number(stat.mode) & 0o777;
    const outcome = insideObjectDirectory(dirname(item.objectPath), shared, context, (fresh) => {
      if (!fresh) {
        const object = lstatSync(item.objectPath, { throwIfNoEntry: false });
        if (object) {
          if (object.size === item.expect.size) return 'existed';
          throw Object.assign(new Error(`${item.objectPath} has ${object.size} bytes, expected ${item.expect.size}`), { code: 'SIZE' });
        }
        thaw(dirname(item.objectPath), shared);
      }
      return item.linkTarget === '' ? copyToObject(item, mode) : linkToObject(item, mode);
    });
    existed = outcome === 'existed';
    if (outcome === 'changed') {
      context.pruneLater.add(dirname(item.objectPath));
      return { existed, error: changedError(item.path) };
    }
    if (outcome !== 'existed') freeze(dirname(item.objectPath), shared);
    if (item.linkTarget !== '') replaceByLink(item.path, item.linkTarget, options?.staging);
    return { existed, stat: statData(lstatSync(item.path, { bigint: true })) };
  } catch (error) {
    return { existed, error: itemError(error) };
  }
}

/**
 * The file itself becomes the object, as a second name first: its path always has the content or the link, never nothing.
 * Write permission goes before the last look at the file, so that nobody can begin a change that is not seen.
 */
function linkToObject(item: AnnexItem, mode: number): 'stored' | 'changed' {
  const readOnly = mode & ~0o222;
  if (readOnly !== mode) chmodSync(item.path, readOnly);
  try {
    linkSync(item.path, item.objectPath);
  } catch (error) {
    const code = errorCode(error);
    // No hard links here (other file system, FAT, some network file systems), or too many of this file.
    if (code === 'EXDEV' || code === 'EPERM' || code === 'ENOTSUP' || code === 'EMLINK' || code === 'ENOSYS') return copyToObject(item, mode);
    if (readOnly !== mode) chmodSync(item.path, mode);
    throw error;
  }
  if (isExpected(lstatSync(item.objectPath, { bigint: true }), item.expect, true)) return 'stored';
  unlinkSync(item.objectPath);
  if (readOnly !== mode) chmodSync(item.path, mode);
  return 'changed';
}

function copyToObject(item: AnnexItem, mode: number): 'stored' | 'changed' {
  const temporary = `${item.objectPath}.${randomName()}.tmp`;
  try {
    copyFileSync(item.path, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const copied = lstatSync(temporary);
    // The copy is right if the file was the same before and after it was read.
    if (copied.size !== item.expect.size || !isExpected(lstatSync(item.path, { bigint: true }), item.expect, true)) {
      unlinkSync(temporary);
      if (item.linkTarget !== '') chmodSync(item.path, mode);
      return 'changed';
    }
    chmodSync(temporary, mode & ~0o222);
    renameSync(temporary, item.objectPath);
    return 'stored';
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // The error that led here is the one to report.
    }
    throw error;
  }
}

function replaceByLink(path: string, target: string, staging: string | undefined): void {
  const temporary = staging === undefined ? `${path}.${randomName()}.tmp` : `${staging}/${randomName()}`;
  symlinkSync(target, temporary);
  try {
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    // A part of the work tree on another file system.
    if (errorCode(error) !== 'EXDEV' || staging === undefined) throw error;
    replaceByLink(path, target, undefined);
  }
}

export function removeObject(item: RemoveItem, context: TaskContext): RemoveResult {
  const directory = dirname(item.path);
  try {
    const stat = lstatSync(item.path, { throwIfNoEntry: false });
    if (!stat) return { removed: false, bytes: 0 };
    try {
      thaw(directory, 'private');
      unlinkSync(item.path);
      if (item.locked === true) unlinkLockFile(`${item.path}.lck`);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      return { removed: false, bytes: 0 };
    }
    removeIfEmpty(directory);
    context.pruneLater.add(dirname(directory));
    forgetDirectories(directory, context);
    return { removed: true, bytes: stat.size };
  } catch (error) {
    return { removed: false, bytes: 0, error: itemError(error) };
  }
}

/** In pid lock mode there is none. */
function unlinkLockFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** @returns true when the directory is gone */
function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    // An empty directory that stays does no harm; one that is not empty must stay.
    return errorCode(error) === 'ENOENT';
  }
}

/** Removes the directories noted by the tasks, and the hash directories above them, where they are empty. */
export function pruneDirectories(context: TaskContext): void {
  if (context.pruneLater.size === 0) return;
  const parents = new Set<string>();
  for (const directory of context.pruneLater) {
    if (removeIfEmpty(directory)) parents.add(dirname(directory));
  }
  for (const parent of parents) removeIfEmpty(parent);
  context.pruneLater.clear();
  context.madeDirectories.clear();
}
