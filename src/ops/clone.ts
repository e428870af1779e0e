import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { CloneInput } from './inputs.ts';

export async function clone(_input: CloneInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'clone is not built yet');
}
