/** Commands that change something, begun by bringing in order what an earlier one left when it crashed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import type { Run } from '../core/run.ts';
import { abandonedFolders } from '../io/locked-folder.ts';
import type { Dataset } from './dataset.ts';
import { withDataset } from './dataset.ts';
import { readLocations, recordLocations } from './locations.ts';
import type { LocationChange } from './locations.ts';
import { UNRECORDED, runningFolder } from './scratch.ts';

/** As `withDataset`, for commands that change something: what an earlier command left when it crashed is brought in order first. */
export async function withChanges<T>(input: { cwd: string; dryRun?: boolean | undefined }, run: Run, work: (dataset: Dataset) => Promise<T>): Promise<T> {
  return await withDataset(input.cwd, run, async (dataset) => {
    if (input.dryRun !== true) await recover(dataset, run);
    return await work(dataset);
  });
}

async function recover(dataset: Dataset, run: Run): Promise<void> {
  for (const folder of abandonedFolders(runningFolder(dataset.annexDirectory))) {
    let done = false;
    try {
      await correctLog(dataset, readKeys(join(folder.path, UNRECORDED)), run);
      done = true;
    } finally {
      folder.close(done);
    }
  }
}

function readKeys(path: string): KeyText[] {
  try {
    const text = readFileSync(path, 'utf8');
    // The last line may be incomplete.
    return [...new Set(text.slice(0, text.lastIndexOf('\n') + 1).split('\n').filter((line) => line !== ''))];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw toDStoreError(error, `cannot read ${path}`);
  }
}

/** Looks which of the keys are here and records what the log has otherwise. */
async function correctLog(dataset: Dataset, keys: readonly KeyText[], run: Run): Promise<void> {
  if (keys.length === 0) return;
  const locations = await readLocations(dataset, keys, run);
  const changes: LocationChange[] = [];
  for (const key of keys) {
    const here = dataset.objects.find(key) !== undefined;
    // Giving a lock back removes its file, and the folders of content that is gone.
    for (const path of dataset.objects.paths(key)) dataset.locks().tryContent(path, 'exclusive')?.release();
    if (here !== (locations.get(key) ?? []).includes(dataset.uuid)) changes.push({ key, uuid: dataset.uuid, status: here ? '1' : '0' });
  }
  await recordLocations(dataset, changes, run);
}
