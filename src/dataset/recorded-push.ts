/**
 * Which state of the dataset is known to be on record for a place: `annex/dstore/recorded/UUID` holds the commits of HEAD and of the git-annex
 * branch after the last push. With neither moved, no location log has to be read again. Can be deleted at any time.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, writeCacheFile } from '../io/durable.ts';
import { ANNEX_REF } from './annex-branch.ts';
import type { Dataset } from './dataset.ts';

export function alreadyRecorded(dataset: Dataset, uuid: string): boolean {
  try {
    return readFileSync(notePath(dataset, uuid), 'utf8') === state(dataset);
  } catch {
    return false;
  }
}

export function noteRecorded(dataset: Dataset, uuid: string): void {
  if (alreadyRecorded(dataset, uuid)) return;
  try {
    makeDirectory(join(dataset.annexDirectory, 'dstore', 'recorded'), dataset.shared);
    writeCacheFile(notePath(dataset, uuid), state(dataset));
  } catch {
    // Only saves the next push a look.
  }
}

function notePath(dataset: Dataset, uuid: string): string {
  return join(dataset.annexDirectory, 'dstore', 'recorded', uuid);
}

function state(dataset: Dataset): string {
  return `${dataset.repo.head().oid ?? ''} ${dataset.repo.readRef(ANNEX_REF) ?? ''}\n`;
}
