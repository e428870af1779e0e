import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { FindInput } from './inputs.ts';

export async function find(_input: FindInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'find is not built yet');
}
