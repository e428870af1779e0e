import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { WhereisInput } from './inputs.ts';

export async function whereis(_input: WhereisInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'whereis is not built yet');
}
