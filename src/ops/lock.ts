/** Locked files are links to content that cannot be changed by accident; unlocked ones are ordinary files, for editing. */
import { lstatSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorInfo } from '../core/errors.ts';
import { toDStoreError } from '../core/errors.ts';
import { contentCheck } from '../core/content-check.ts';
import { keySize } from '../core/key.ts';
import { pointerText, symlinkTarget } from '../core/pointer.ts';
import type { Run } from '../core/run.ts';
import { selectFiles, shownPath } from '../dataset/annexed-files.ts';
import type { AnnexedFile } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { refuseAdjustedBranch } from '../dataset/dataset.ts';
import { updateIndex } from '../dataset/index-update.ts';
import type { IndexChange } from '../dataset/index-update.ts';
import { replaceLink } from '../dataset/links.ts';
import { forNested } from '../dataset/nested.ts';
import { withChanges } from '../dataset/unfinished.ts';
import { unmodifiedUnlocked } from '../dataset/unlocked-files.ts';
import { linkOnDisk } from '../dataset/work-tree.ts';
import { itemFailure } from '../io/item-failure.ts';
import type { LockInput } from '../core/inputs.ts';

export async function unlock(input: LockInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    refuseAdjustedBranch(dataset.repo, 'unlock');
    const { files, nested } = await selectFiles(dataset, input, run);
    const wanted: Unlocking[] = [];
    for (const file of files) {
      if (!file.locked) report(dataset, run, 'unlock', file, { status: 'notneeded', message: 'already unlocked' });
      else {
        const object = dataset.objects.find(file.key);
        if (object === undefined) {
          report(dataset, run, 'unlock', file, { status: 'error', error: { code: 'DSTORE_E_CONTENT_UNAVAILABLE', message: 'its content is not here', hint: `get it first: dstore get ${shownPath(dataset.prefix, file.path)}` } });
        } else if (dataset.scratch.isBehindLink(dataset.top, file.path) || linkOnDisk(join(dataset.top, file.path)) !== file.key) {
          report(dataset, run, 'unlock', file, { status: 'impossible', error: { code: 'DSTORE_E_MODIFIED', message: 'it has unsaved changes', hint: 'save them first: dstore save' } });
        } else if (input.dryRun === true) report(dataset, run, 'unlock', file, { status: 'ok', dryRun: true, bytes: keySize(file.key) ?? 0 });
        else {
          // Locked files are executable when their content is.
          const executable = (statSync(object.path).mode & 0o100) !== 0;
          wanted.push({ file, source: object.path, temporary: dataset.scratch.name(), mode: executable ? 0o755 : 0o644 });
        }
      }
    }
    await unlockFiles(dataset, wanted, run);
    await forNested(dataset, nested, input, { install: false, dryRun: false }, run, async (nestedInput, nestedRun) => await unlock({ ...input, ...nestedInput }, nestedRun));
  });
}

interface Unlocking {
  readonly file: AnnexedFile;
  readonly source: string;
  readonly temporary: string;
  readonly mode: number;
}

async function unlockFiles(dataset: Dataset, wanted: readonly Unlocking[], run: Run): Promise<void> {
  if (wanted.length === 0) return;
  run.emit({ type: 'plan', action: 'unlock', files: wanted.length, bytes: wanted.reduce((sum, { file }) => sum + (keySize(file.key) ?? 0), 0) });
  const writer = dataset.repo.writer();
  const changes: IndexChange[] = [];
  let finished = 0;
  try {
    await dataset.bulk.run('copy', wanted.map(({ source, temporary, mode, file }) => ({ source, target: temporary, mode, ...contentCheck(file.key) })), (result, position) => {
      const { file, temporary, source, mode } = wanted[position]!;
      finished++;
      if (result.error !== undefined) {
        rmSync(temporary, { force: true });
        report(dataset, run, 'unlock', file, { status: 'error', error: itemFailure(result.error, `cannot unlock from ${source}`) });
        return;
      }
      try {
        dataset.scratch.putInPlace(dataset.top, file.path, temporary);
      } catch (error) {
        report(dataset, run, 'unlock', file, { status: 'error', error: toDStoreError(error, `cannot unlock ${file.path}`).toInfo() });
        return;
      }
      const oid = writer.blob(pointerText(file.key));
      dataset.keys.note(oid, false, file.key);
      changes.push({ path: file.path, oid, mode: 0o100000 | mode });
      report(dataset, run, 'unlock', file, { status: 'ok', bytes: keySize(file.key) ?? 0 });
    }, run, { onBytes: (bytes) => run.emit({ type: 'progress', files: finished, bytes }) });
  } finally {
    await writer.flush();
    await updateIndex(dataset, changes, run);
  }
}

export async function lock(input: LockInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    refuseAdjustedBranch(dataset.repo, 'lock');
    const { files, nested } = await selectFiles(dataset, input, run);
    const unlocked: AnnexedFile[] = [];
    for (const file of files) {
      if (file.locked) report(dataset, run, 'lock', file, { status: 'notneeded', message: 'already locked' });
      else unlocked.push(file);
    }
    const clean = input.force === true ? undefined : await unmodifiedUnlocked(dataset, unlocked, run);
    const writer = dataset.repo.writer();
    const changes: IndexChange[] = [];
    for (const file of unlocked) {
      if (clean !== undefined && !clean.has(file.path)) {
        report(dataset, run, 'lock', file, {
          status: 'impossible', error: { code: 'DSTORE_E_MODIFIED', message: 'it has unsaved changes', hint: 'keep them: dstore save; throw them away: dstore lock --force' },
        });
        continue;
      }
      if (input.dryRun !== true) {
        const target = symlinkTarget(file.path, file.key);
        if (!dataset.scratch.isBehindLink(dataset.top, file.path) && lstatSync(join(dataset.top, file.path), { throwIfNoEntry: false }) !== undefined) replaceLink(dataset, file.path, target);
        const oid = writer.blob(target);
        dataset.keys.note(oid, true, file.key);
        changes.push({ path: file.path, oid, mode: 0o120000 });
      }
      report(dataset, run, 'lock', file, { status: 'ok', ...(input.dryRun === true ? { dryRun: true } : {}) });
    }
    await writer.flush();
    await updateIndex(dataset, changes, run);
    await forNested(dataset, nested, input, { install: false, dryRun: false }, run, async (nestedInput, nestedRun) => await lock({ ...input, ...nestedInput }, nestedRun));
  });
}

function report(dataset: Dataset, run: Run, action: 'lock' | 'unlock', file: AnnexedFile, result: {
  status: 'ok' | 'notneeded' | 'impossible' | 'error'; bytes?: number; message?: string; error?: ErrorInfo; dryRun?: boolean;
}): void {
  run.report({ type: 'result', action, kind: 'file', path: shownPath(dataset.prefix, file.path), key: file.key, dataset: dataset.top, ...result });
}
