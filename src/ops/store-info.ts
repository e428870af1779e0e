import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { StoreInput } from './inputs.ts';

export async function storeInfo(_input: StoreInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'store info is not built yet');
}
