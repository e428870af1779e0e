/** Facts about a store. */
import { statfsSync } from 'node:fs';
import type { Run } from '../core/run.ts';
import { resolveStore } from '../dataset/store-names.ts';
import { openStore } from '../store/store.ts';
import type { StoreInput } from '../core/inputs.ts';

export async function storeInfo(input: StoreInput, run: Run): Promise<void> {
  const store = openStore(resolveStore(input.store, input.cwd).path);
  const datasets = store.datasets();
  const { bavail, blocks, bsize, files, ffree } = statfsSync(store.path);
  run.report({
    type: 'result', action: 'store.info', kind: 'store', status: 'ok', path: store.path,
    details: {
      url: store.url, layoutVersion: store.version, shared: store.shared, datasets: datasets.length,
      aliases: datasets.reduce((sum, { aliases }) => sum + aliases.length, 0),
      bytesFree: bavail * bsize, bytesTotal: blocks * bsize, inodesFree: ffree, inodesTotal: files,
    },
  });
}
