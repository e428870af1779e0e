/** Lists annexed files. */
import { keySize } from '../core/key.ts';
import type { Run } from '../core/run.ts';
import { selectFiles, shownPath } from '../dataset/annexed-files.ts';
import { withDataset } from '../dataset/dataset.ts';
import { forNested } from '../dataset/nested.ts';
import type { FindInput } from '../core/inputs.ts';

export async function find(input: FindInput, run: Run): Promise<void> {
  await withDataset(input.cwd, run, async (dataset) => {
    const { files, nested } = await selectFiles(dataset, input, run);
    for (const { path, key, locked } of files) {
      const bytes = keySize(key);
      run.report({
        type: 'result', action: 'find', kind: 'file', status: 'ok', path: shownPath(dataset.prefix, path), key, dataset: dataset.top,
        ...(bytes === undefined ? {} : { bytes }), details: { here: dataset.objects.find(key) !== undefined, locked },
      });
    }
    await forNested(dataset, nested, input, { install: false, dryRun: false }, run, async (nestedInput, nestedRun) => await find({ ...input, ...nestedInput }, nestedRun));
  });
}
