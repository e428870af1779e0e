import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { StatusInput } from './inputs.ts';

export async function status(_input: StatusInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'status is not built yet');
}
