import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { StoreListInput } from './inputs.ts';

export async function storeList(_input: StoreListInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'store list is not built yet');
}
