import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { StoreInitInput } from './inputs.ts';

export async function storeInit(_input: StoreInitInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'store init is not built yet');
}
