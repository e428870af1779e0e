import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { UpdateInput } from './inputs.ts';

export async function update(_input: UpdateInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'update is not built yet');
}
