import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { GetInput } from './inputs.ts';

export async function get(_input: GetInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'get is not built yet');
}
