/** Brings work tree and index from one tree to another without git, keeping unsaved changes safe. */
import { lstatSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { dirname, join } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import { isRepresentable } from './bytes.ts';
import type { GitConfig } from './config.ts';
import type { GitIndex, LockedIndex } from './git-index.ts';
import { entryStat, indexEntry } from './git-index.ts';
import type { TreeChange } from './objects.ts';
import { hashObject } from './objects.ts';
import { diffTrees } from './tree.ts';
import type { ReadObjects } from './tree.ts';

/** Contents read at a time. */
const BATCH = 500;

export interface WorkTreeSource {
  readonly worktree: string | undefined;
  readonly config: GitConfig;
  readonly readObjects: ReadObjects;
  lockIndex(): LockedIndex;
}

/**
 * @param from the tree or commit that the index was made from; undefined before the first commit
 * @throws MODIFIED, before anything was changed, when a file that has to change has unsaved changes
 */
export async function moveWorkTree(source: WorkTreeSource, from: string | undefined, to: string, op: Op): Promise<void> {
  const top = source.worktree;
  if (top === undefined) throw new DStoreError('UNSUPPORTED', 'a bare repository has no work tree');
  const changes = await diffTrees(source.readObjects, from, to, op);
  const symlinks = source.config.getBoolean('core.symlinks') ?? true;
  const lock = source.lockIndex();
  try {
    const needed: TreeChange[] = [];
    const blocked: string[] = [];
    const directories = new Set<string>();
    for (const change of changes) {
      if (!isRepresentable(change.path) || change.path.split('/').some((part) => part === '..' || part.toLowerCase() === '.git')) {
        throw new DStoreError('NAME_UNSUPPORTED', `${JSON.stringify(change.path)} cannot be written as a file`);
      }
      const entry = lock.index.get(change.path);
      if (sameEntry(entry, change.to)) continue;
      if (!sameEntry(entry, change.from) || !isUntouched(top, change, lock.index, directories)) blocked.push(change.path);
      else needed.push(change);
    }
    if (blocked.length > 0) {
      throw new DStoreError('MODIFIED', `unsaved changes in ${blocked.slice(0, 5).join(', ')}${blocked.length > 5 ? ', …' : ''} would be overwritten`, { hint: 'dstore save' });
    }
    for (const change of needed) if (change.to === undefined) removeFile(top, change.path, lock.index);
    const written = needed.filter((change) => change.to !== undefined);
    for (let start = 0; start < written.length; start += BATCH) {
      checkAborted(op);
      const batch = written.slice(start, start + BATCH);
      const contents = new Map<string, Buffer>();
      const oids = batch.filter((change) => change.to?.mode !== '160000').map((change) => change.to?.oid ?? '');
      await source.readObjects([...new Set(oids)], (oid, object) => {
        if (object === undefined) throw new DStoreError('GIT_CORRUPT', `git object ${oid} is missing`, {
          hint: 'see what is affected with: git fsck',
        });
        contents.set(oid, object.data);
      }, op);
      for (const { path, to: target } of batch) {
        if (target === undefined) continue;
        const stat = writeFile(join(top, path), target.mode, contents.get(target.oid) ?? Buffer.alloc(0), symlinks);
        lock.index.set(indexEntry(path, Number.parseInt(target.mode, 8), target.oid, target.mode === '160000' ? undefined : entryStat(stat)));
      }
    }
    lock.commit();
  } catch (error) {
    // What was written already is in the index, so that it does not look like somebody's change.
    try {
      lock.commit();
    } catch {
      lock.rollback();
    }
    throw toDStoreError(error, `cannot update the work tree ${top}`);
  }
}

function sameEntry(entry: { mode: number; oid: string } | undefined, side: { mode: string; oid: string } | undefined): boolean {
  if (entry === undefined || side === undefined) return entry === undefined && side === undefined;
  return entry.oid === side.oid && entry.mode === Number.parseInt(side.mode, 8);
}

/** Whether the file on disk is what the old tree says, missing, or already what the new tree says. */
function isUntouched(top: string, change: TreeChange, index: GitIndex, directories: Set<string>): boolean {
  const file = join(top, change.path);
  const above = leadingFile(top, change.path, directories);
  // A tracked file goes, because the new tree has a directory in its place; anything else, a link above all, is not to be written through.
  if (above !== undefined) return index.get(above) !== undefined;
  const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return true;
  if (change.from?.mode === '160000' || change.to?.mode === '160000') return stat.isDirectory();
  // A directory may hold files of the old tree; what else is in it shows when it is to be replaced.
  if (stat.isDirectory()) return true;
  const entry = index.get(change.path);
  if (entry !== undefined && index.isClean(entry, entryStat(stat))) return true;
  const oid = hashObject('blob', stat.isSymbolicLink() ? readlinkSync(file, { encoding: 'buffer' }) : readFileSync(file));
  return oid === change.from?.oid || oid === change.to?.oid;
}

/** The first part above a path that exists and is no directory. */
function leadingFile(top: string, path: string, directories: Set<string>): string | undefined {
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const parent = path.slice(0, slash);
    if (directories.has(parent)) continue;
    const stat = lstatSync(join(top, parent), { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isDirectory()) return parent;
    directories.add(parent);
  }
  return undefined;
}

function removeFile(top: string, path: string, index: GitIndex): void {
  index.delete(path);
  const file = join(top, path);
  try {
    if (lstatSync(file).isDirectory()) rmdirSync(file);
    else unlinkSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A submodule with content stays.
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ENOTEMPTY') throw error;
  }
  for (let directory = dirname(path); directory !== '.'; directory = dirname(directory)) {
    try {
      rmdirSync(join(top, directory));
    } catch {
      break;
    }
  }
}

function writeFile(file: string, mode: string, content: Buffer, symlinks: boolean): BigIntStats {
  mkdirSync(dirname(file), { recursive: true });
  if (mode === '160000') {
    mkdirSync(file, { recursive: true });
  } else {
    try {
      unlinkSync(file);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EISDIR' || code === 'EPERM') rmdirSync(file);
      else if (code !== 'ENOENT') throw error;
    }
    if (mode === '120000' && symlinks) symlinkSync(content, file);
    else writeFileSync(file, content, { flag: 'wx', mode: mode === '100755' ? 0o777 : 0o666 });
  }
  return lstatSync(file, { bigint: true });
}
