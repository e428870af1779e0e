/** Facts about a dataset, a file, a folder or a remote. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyText } from '../core/key.ts';
import { keySize } from '../core/key.ts';
import type { JsonObject } from '../core/records.ts';
import type { Run } from '../core/run.ts';
import { byKey, selectFiles } from '../dataset/annexed-files.ts';
import type { AnnexedFile } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { withDataset } from '../dataset/dataset.ts';
import { readLocations } from '../dataset/locations.ts';
import { readPlaces, trustOf } from '../dataset/places.ts';
import { contentRemotes } from '../dataset/remotes.ts';
import type { InfoInput } from '../core/inputs.ts';

export async function info(input: InfoInput, run: Run): Promise<void> {
  await withDataset(input.cwd, run, async (dataset) => {
    const { target } = input;
    const book = await readPlaces(dataset, run);
    const remote = target === undefined ? undefined : contentRemotes(dataset, book).find(({ name, uuid }) => name === target || uuid === target);
    if (remote !== undefined && lstatSync(join(input.cwd, remote.name), { throwIfNoEntry: false }) === undefined) {
      const index = await selectFiles(dataset, { cwd: dataset.top }, run);
      const keys = [...byKey(index.files).keys()];
      const locations = await readLocations(dataset, keys, run);
      const recorded = keys.filter((key) => locations.get(key)?.includes(remote.uuid) === true);
      report(run, dataset, remote.name, 'remote', {
        name: remote.name, type: remote.type, uuid: remote.uuid, where: remote.where, cost: remote.cost, trust: trustOf(book, remote.uuid),
        ...(remote.unusable === undefined ? {} : { unusable: remote.unusable }), recordedKeys: recorded.length, recordedBytes: bytesOf(recorded),
      });
      return;
    }
    const { files } = await selectFiles(dataset, { cwd: input.cwd, ...(target === undefined ? {} : { paths: [target] }) }, run);
    const single = target !== undefined && files.length === 1 && lstatSync(join(input.cwd, target), { throwIfNoEntry: false })?.isDirectory() !== true;
    if (single) report(run, dataset, target, 'file', fileFacts(dataset, files[0]!));
    else report(run, dataset, target ?? '.', 'dataset', { ...(target === undefined ? datasetFacts(dataset) : {}), ...contentFacts(dataset, files) });
  });
}

function fileFacts(dataset: Dataset, file: AnnexedFile): JsonObject {
  const size = keySize(file.key);
  return { key: file.key, bytes: size ?? null, here: dataset.objects.find(file.key) !== undefined, locked: file.locked };
}

function datasetFacts(dataset: Dataset): JsonObject {
  const head = dataset.repo.head();
  return {
    dataset: dataset.top, id: dataset.id ?? null, uuid: dataset.uuid, branch: head.branch ?? null, commit: head.oid ?? null,
    annexVersion: dataset.repo.config.get('annex.version') ?? null,
  };
}

function contentFacts(dataset: Dataset, files: readonly AnnexedFile[]): JsonObject {
  const keys = [...byKey(files).keys()];
  const here = keys.filter((key) => dataset.objects.find(key) !== undefined);
  return { annexedFiles: files.length, distinctKeys: keys.length, annexedBytes: bytesOf(keys), keysHere: here.length, bytesHere: bytesOf(here) };
}

function bytesOf(keys: readonly KeyText[]): number {
  return keys.reduce((sum, key) => sum + (keySize(key) ?? 0), 0);
}

function report(run: Run, dataset: Dataset, path: string, kind: 'dataset' | 'file' | 'remote', details: JsonObject): void {
  run.report({ type: 'result', action: 'info', status: 'ok', kind, path, dataset: dataset.top, details });
}
