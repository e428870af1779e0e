/** Gets the content of files: skip what is here, ask the store first, one record in the location log. */
import type { ErrorInfo } from '../core/errors.ts';
import { toDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { keySize } from '../core/key.ts';
import type { Run } from '../core/run.ts';
import { byKey, selectFiles, shownPath } from '../dataset/annexed-files.ts';
import type { AnnexedFile } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { updateIndex } from '../dataset/index-update.ts';
import { recordLocations } from '../dataset/locations.ts';
import type { LocationChange } from '../dataset/locations.ts';
import { forNested } from '../dataset/nested.ts';
import { readPlaces } from '../dataset/places.ts';
import { contentRemotes, findContentRemote } from '../dataset/remotes.ts';
import { withChanges } from '../dataset/unfinished.ts';
import { populateUnlocked } from '../dataset/unlocked-files.ts';
import { fetchKeys, requireSpace } from '../transfer/fetch.ts';
import type { GetInput } from '../core/inputs.ts';

/** From here on threads will be needed; they start while the remotes are looked up. */
const PREPARE_FILES = 64;

export async function get(input: GetInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    const { files, nested, inGit } = await selectFiles(dataset, input, run);
    for (const path of inGit) report(dataset, run, path, { status: 'notneeded', message: 'kept by git, always here' });
    if (input.noContent !== true) await getFiles(dataset, files, input, run);
    await forNested(dataset, nested, input, { install: true, dryRun: input.dryRun ?? false }, run, async (nestedInput, nestedRun) => await get({ ...input, ...nestedInput }, nestedRun));
  });
}

async function getFiles(dataset: Dataset, files: readonly AnnexedFile[], input: GetInput, run: Run): Promise<void> {
  const groups = byKey(files);
  const missing: KeyText[] = [];
  const present = new Set<KeyText>();
  for (const [key, group] of groups) {
    if (dataset.objects.find(key) === undefined) {
      missing.push(key);
      continue;
    }
    present.add(key);
    for (const { path } of group) report(dataset, run, path, { status: 'notneeded', key, message: 'already here' });
  }
  if (input.dryRun === true) {
    for (const key of missing) for (const { path } of groups.get(key)!) report(dataset, run, path, { status: 'ok', key, bytes: keySize(key) ?? 0, dryRun: true });
    return;
  }
  const arrived = new Set<KeyText>();
  if (missing.length > 0) {
    if (missing.length >= PREPARE_FILES) dataset.bulk.prepare();
    requireSpace(dataset, missing.reduce((sum, key) => sum + (keySize(key) ?? 0), 0));
    const book = await readPlaces(dataset, run);
    const remotes = input.from === undefined
      ? contentRemotes(dataset, book).filter(({ uuid }) => book.trust.get(uuid) !== 'dead')
      : [findContentRemote(dataset, book, input.from)];
    try {
      await fetchKeys(dataset, missing, remotes, ({ key, state, bytes, remote, error }) => {
        if (state === 'ok') arrived.add(key);
        let counted = bytes;
        for (const { path } of groups.get(key)!) {
          report(dataset, run, path, {
            status: state === 'ok' ? 'ok' : 'error', key, bytes: counted, ...(remote === undefined ? {} : { remote }), ...(error === undefined ? {} : { error }),
          });
          // Two files with one content are one transfer.
          counted = 0;
        }
      }, run);
    } finally {
      await recordLocations(dataset, [...arrived].map((key): LocationChange => ({ key, uuid: dataset.uuid, status: '1' })), run);
    }
  }
  await fillUnlocked(dataset, files.filter(({ key, locked }) => !locked && (arrived.has(key) || present.has(key))), run);
}

/** Puts the content of unlocked files in their place and tells the index, so that git sees them as clean. */
export async function fillUnlocked(dataset: Dataset, files: readonly AnnexedFile[], run: Run): Promise<void> {
  if (files.length === 0) return;
  const { done, failed } = await populateUnlocked(dataset, files, run);
  for (const { file, error } of failed) report(dataset, run, file.path, { status: 'error', key: file.key, error });
  try {
    await updateIndex(dataset, done.map(({ path }) => ({ path })), run);
  } catch (error) {
    throw toDStoreError(error, 'cannot refresh the git index');
  }
}

function report(dataset: Dataset, run: Run, path: string, result: {
  status: 'ok' | 'notneeded' | 'error'; key?: string; bytes?: number; message?: string; remote?: string; error?: ErrorInfo; dryRun?: boolean;
}): void {
  run.report({ type: 'result', action: 'get', kind: 'file', path: shownPath(dataset.prefix, path), dataset: dataset.top, ...result });
}
