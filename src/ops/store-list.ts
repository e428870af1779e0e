/** The datasets of a store, or the stores that have short names. */
import type { Run } from '../core/run.ts';
import { resolveStore, storeNames } from '../dataset/store-names.ts';
import { openStore } from '../store/store.ts';
import type { StoreListInput } from '../core/inputs.ts';

export async function storeList(input: StoreListInput, run: Run): Promise<void> {
  if (input.store === undefined) {
    for (const [name, url] of storeNames(input.cwd)) run.report({ type: 'result', action: 'store.list', kind: 'store', status: 'ok', path: name, details: { url } });
    return;
  }
  const store = openStore(resolveStore(input.store, input.cwd).path);
  for (const { id, aliases, directory, layoutVersion, storageUuid } of store.datasets()) {
    run.report({
      type: 'result', action: 'store.list', kind: 'dataset', status: 'ok', path: directory,
      details: { id, alias: aliases, layoutVersion, storageUuid: storageUuid ?? null },
    });
  }
}
