/** Makes a new store. */
import { resolve } from 'node:path';
import type { Run } from '../core/run.ts';
import { sharedMode } from '../dataset/dataset.ts';
import { editConfig, userConfigPath } from '../git/config.ts';
import { initStore } from '../store/store.ts';
import type { StoreInitInput } from '../core/inputs.ts';

export async function storeInit(input: StoreInitInput, run: Run): Promise<void> {
  const { store, created } = initStore(resolve(input.cwd, input.path), sharedMode(input.shared));
  if (input.name !== undefined) editConfig(userConfigPath(), [{ name: `dstore.store.${input.name}.url`, value: store.url }]);
  run.report({
    type: 'result', action: 'store.init', kind: 'store', status: created ? 'ok' : 'notneeded', path: store.path,
    ...(created ? {} : { message: 'there is a store already' }), details: { url: store.url, layoutVersion: store.version, shared: store.shared },
  });
}
