/** Makes a lightweight clone: history and names, no content yet. */
import { relative } from 'node:path';
import type { Run } from '../core/run.ts';
import { cloneDataset } from '../dataset/clone-dataset.ts';
import type { CloneInput } from '../core/inputs.ts';

export async function clone(input: CloneInput, run: Run): Promise<void> {
  const cloned = await cloneDataset({ source: input.source, directory: input.directory, base: input.cwd, description: input.description }, run);
  run.report({
    type: 'result', action: 'clone', status: 'ok', kind: 'dataset', path: relative(input.cwd, cloned.directory) || '.', dataset: cloned.directory,
    ...(cloned.annexed ? {} : { message: 'an ordinary git repository: it has no annex' }),
    details: { source: input.source, uuid: cloned.uuid === '' ? null : cloned.uuid, id: cloned.id ?? null },
  });
}
