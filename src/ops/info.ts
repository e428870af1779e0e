import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { InfoInput } from './inputs.ts';

export async function info(_input: InfoInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'info is not built yet');
}
