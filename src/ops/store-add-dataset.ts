/** Makes the dataset one stands in known to a store without pushing to it yet. */
import type { Run } from '../core/run.ts';
import { sharedMode, withDataset } from '../dataset/dataset.ts';
import { resolveStore } from '../dataset/store-names.ts';
import { openStore } from '../store/store.ts';
import { connectToStore } from '../transfer/publish.ts';
import type { StoreAddDatasetInput } from '../core/inputs.ts';

export async function storeAddDataset(input: StoreAddDatasetInput, run: Run): Promise<void> {
  await withDataset(input.cwd, run, async (dataset) => {
    const store = openStore(resolveStore(input.store, input.cwd).path);
    const shared = input.shared === undefined ? undefined : sharedMode(input.shared);
    const known = dataset.id !== undefined && store.has(dataset.id);
    const remote = await connectToStore(dataset, store, { alias: input.alias, shared }, run);
    run.report({
      type: 'result', action: 'store.add-dataset', kind: 'dataset', status: known ? 'notneeded' : 'ok', path: dataset.top, dataset: dataset.top, remote,
      details: { id: dataset.id ?? null, store: store.path, alias: input.alias ?? null },
    });
  });
}
