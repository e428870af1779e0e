/** Unlocked files: ordinary files in the work tree that git knows by a pointer blob. */
import { chmodSync, lstatSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { contentCheck } from '../core/content-check.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { toDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { pointerText } from '../core/pointer.ts';
import { itemFailure } from '../io/item-failure.ts';
import type { AnnexedFile } from './annexed-files.ts';
import type { Dataset } from './dataset.ts';
import { pointerOnDisk } from './work-tree.ts';

export interface UnlockedFailure { readonly file: AnnexedFile; readonly error: ErrorInfo }

/**
 * Fills unlocked files whose content is here and that still show their pointer. Files that hold something else are left alone.
 * The caller refreshes the index for the paths returned.
 */
export async function populateUnlocked(dataset: Dataset, files: readonly AnnexedFile[], op: Op): Promise<{ done: AnnexedFile[]; failed: UnlockedFailure[] }> {
  const wanted: { file: AnnexedFile; source: string; temporary: string; mode: number }[] = [];
  const failed: UnlockedFailure[] = [];
  for (const file of files) {
    if (file.locked || dataset.scratch.isBehindLink(dataset.top, file.path)) continue;
    const path = join(dataset.top, file.path);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile() || pointerOnDisk(path, stat.size) !== file.key) continue;
    const object = dataset.objects.find(file.key);
    if (object === undefined) continue;
    const mode = (file.entry.mode & 0o111) === 0 ? 0o644 : 0o755;
    wanted.push({ file, source: object.path, temporary: dataset.scratch.name(), mode });
  }
  const done: AnnexedFile[] = [];
  await dataset.bulk.run('copy', wanted.map(({ source, temporary, mode, file }) => ({ source, target: temporary, mode, ...contentCheck(file.key) })), (result, position) => {
    const { file, temporary } = wanted[position]!;
    if (result.error !== undefined) {
      rmSync(temporary, { force: true });
      failed.push({ file, error: itemFailure(result.error, `cannot fill ${file.path}`) });
      return;
    }
    try {
      dataset.scratch.putInPlace(dataset.top, file.path, temporary);
      done.push(file);
    } catch (error) {
      failed.push({ file, error: toDStoreError(error, `cannot fill ${file.path}`).toInfo() });
    }
  }, op);
  return { done, failed };
}

/** Writes the pointer in place of an unlocked file's content; keeps the executable bit. */
export function writePointer(dataset: Dataset, file: AnnexedFile): void {
  const temporary = dataset.scratch.name();
  const mode = (file.entry.mode & 0o111) === 0 ? 0o644 : 0o755;
  writeFileSync(temporary, pointerText(file.key), { mode, flag: 'wx' });
  chmodSync(temporary, mode);
  dataset.scratch.putInPlace(dataset.top, file.path, temporary);
}

/** True when an unlocked file's bytes are those of its key. Missing files and pointers hold nothing to lose and count as unmodified. */
export async function unmodifiedUnlocked(dataset: Dataset, files: readonly AnnexedFile[], op: Op): Promise<Set<string>> {
  const unmodified = new Set<string>();
  const toHash: { file: AnnexedFile; hex: string; hash: string }[] = [];
  for (const file of files) {
    const path = join(dataset.top, file.path);
    const stat = dataset.scratch.isBehindLink(dataset.top, file.path) ? undefined : lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || (stat.isFile() && pointerOnDisk(path, stat.size) === file.key)) unmodified.add(file.path);
    else if (stat.isFile()) {
      const { hash, digest, size } = contentCheck(file.key);
      if (hash !== undefined && digest !== undefined && (size === undefined || size === stat.size)) toHash.push({ file, hash, hex: digest });
    }
  }
  await dataset.bulk.run('hash', toHash.map(({ file, hash }) => ({ path: join(dataset.top, file.path), hash })), (result, position) => {
    const { file, hex } = toHash[position]!;
    if (result.digest === hex) unmodified.add(file.path);
  }, op);
  return unmodified;
}
