/** Commands that change something, begun by bringing in order what an earlier one left when it crashed. */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDStoreError, toDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import type { Run } from '../core/run.ts';
import { tryFileLock } from '../io/file-lock.ts';
import type { RemovableLock } from '../io/file-lock.ts';
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
  const running = runningFolder(dataset.annexDirectory);
  let names: string[];
  try {
    names = readdirSync(running).filter((name) => name.endsWith('.lck'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw toDStoreError(error, `cannot read ${running}`);
  }
  for (const name of names) {
    const lock = tryLock(join(running, name));
    if (lock === undefined) continue;
    let done = false;
    try {
      const folder = join(running, name.slice(0, -'.lck'.length));
      await correctLog(dataset, readKeys(join(folder, UNRECORDED)), run);
      rmSync(folder, { recursive: true, force: true });
      done = true;
    } finally {
      lock.release(done);
    }
  }
}

/** What belongs to another user of a shared clone is left for that user; without locks nobody can tell what is in use. */
function tryLock(path: string): RemovableLock | undefined {
  try {
    return tryFileLock(path, 'exclusive');
  } catch (error) {
    if (isDStoreError(error) && (error.code === 'PERMISSION' || error.code === 'READ_ONLY' || error.code === 'LOCK_UNSUPPORTED')) return undefined;
    throw error;
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
    if (here !== (locations.get(key) ?? []).includes(dataset.uuid)) changes.push({ key, uuid: dataset.uuid, status: here ? '1' : '0' });
  }
  await recordLocations(dataset, changes, run);
}
