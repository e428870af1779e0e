import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { StoreAddDatasetInput } from './inputs.ts';

export async function storeAddDataset(_input: StoreAddDatasetInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'store add-dataset is not built yet');
}
